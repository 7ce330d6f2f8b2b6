// A model's own way to write a conversation as one text, in Jinja. The template comes with the model and
// is parsed once; requests bring messages only.

import type { Template } from "@huggingface/jinja";

import { DynamoError } from "../base/error.ts";
import { ModelError } from "../model/model-error.ts";
import type { ChatTemplateSource } from "./tokenizer-files.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** Token texts that templates refer to. */
export interface TemplateTokens {
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
}

export class ChatTemplate {
  readonly #template: Template;
  readonly #tokens: Readonly<Record<string, string>>;

  private constructor(template: Template, { bosToken, eosToken }: TemplateTokens) {
    this.#template = template;
    this.#tokens = {
      ...(bosToken !== undefined && { bos_token: bosToken }),
      ...(eosToken !== undefined && { eos_token: eosToken }),
    };
  }

  static async parse(source: ChatTemplateSource, tokens: TemplateTokens): Promise<ChatTemplate> {
    const { Template } = await import("@huggingface/jinja");
    try {
      return new ChatTemplate(new Template(source.text), tokens);
    } catch (error) {
      throw new ModelError(`${source.place} is not a valid template: ${messageOf(error)}`);
    }
  }

  /** The conversation as text, up to where the assistant's answer begins. */
  render(messages: readonly ChatMessage[]): string {
    try {
      return this.#template.render({ messages, add_generation_prompt: true, ...this.#tokens });
    } catch (error) {
      throw new ChatTemplateError(
        `the model's chat template does not take these messages: ${messageOf(error)}`,
        { param: "messages" },
      );
    }
  }
}

/** The template refused a conversation: roles in an order it was not made for, most often. */
export class ChatTemplateError extends DynamoError {
  override readonly code = "invalid_request";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
