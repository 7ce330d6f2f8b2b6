// A model's own way to write a conversation as one text, in Jinja. The template comes with the model and
// is parsed once; requests bring messages only.

import type { Template } from "@huggingface/jinja";

import { DynamoError } from "../base/error.ts";
import { ModelError } from "../model/model-files.ts";
import { type Conversation, type InputOptions, templateInputs } from "./conversation.ts";
import { PromptTooLongError } from "./prompt-too-long.ts";
import { type PromptText, SpecialTexts } from "./special-texts.ts";
import type { ChatTemplateSource } from "./tokenizer-files.ts";

/** How conversations are written. */
export interface ChatRenderer {
  /** The conversation as text, up to where the assistant's answer begins. */
  render(conversation: Conversation, limits: RenderLimits): PromptText;
}

/** A template, and what it needs to know of its model. Structured-cloneable. */
export interface TemplateInit extends ChatTemplateSource {
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
}

export interface RenderLimits {
  readonly maxTokens: number;
  /** The longest text that a token stands for. */
  readonly maxTokenBytes: number;
}

/** The largest templates known have 20 KB. */
export const MAX_TEMPLATE_BYTES = 2 ** 20;

export class ChatTemplate implements ChatRenderer {
  readonly #template: Template;
  /** For conversations with tools, where a model has one of its own for them. */
  readonly #toolTemplate: Template;
  readonly #source: TemplateInit;
  readonly #tokens: Readonly<Record<string, string>>;
  readonly #specials: SpecialTexts;

  private constructor({ template, toolTemplate, source, specials }: ChatTemplateParts) {
    const { bosToken, eosToken } = source;
    this.#template = template;
    this.#toolTemplate = toolTemplate;
    this.#source = source;
    this.#specials = new SpecialTexts(specials);
    this.#tokens = {
      ...(bosToken !== undefined && { bos_token: bosToken }),
      ...(eosToken !== undefined && { eos_token: eosToken }),
    };
  }

  /** Messages bring in none of `specials` as tokens. May take for ever on a hostile template. Throws `ModelError`. */
  static async parse(source: TemplateInit, specials: readonly string[]): Promise<ChatTemplate> {
    const { text, toolUse } = source;
    const template = await parseTemplate(source, text);
    const toolTemplate = toolUse === undefined ? template : await parseTemplate(source, toolUse);
    return new ChatTemplate({ template, toolTemplate, source, specials });
  }

  /**
   * May take for ever on a hostile template.
   * Throws `ChatTemplateError` if it refuses the messages, `TemplateError` if it cannot be rendered.
   */
  render(conversation: Conversation, limits: RenderLimits): PromptText {
    const hasTools = (conversation.tools ?? []).length > 0;
    const { text: written, toolUse = written } = this.#source;
    const source = hasTools ? toolUse : written;
    const options = inputOptionsOf(source);
    const marking = this.#specials.marking(() => [
      templateInputs(conversation, options, (value) => value),
      source,
    ]);
    const template = hasTools ? this.#toolTemplate : this.#template;
    const render = (one: Conversation) =>
      this.#render(template, templateInputs(one, options, marking.mark));
    const text =
      conversation.end === "continued"
        ? continued(conversation, { render, flag: marking.flag() })
        : render(conversation);
    refuseLonger(text, limits);
    return marking.restore(text);
  }

  #render(template: Template, inputs: Readonly<Record<string, unknown>>): string {
    try {
      return template.render({ ...inputs, ...this.#tokens });
    } catch (error) {
      // The stack, a string or an array has overflowed.
      if (error instanceof RangeError) throw new TemplateError(this.#source.place, error.message);
      throw new ChatTemplateError(
        `the model's chat template does not take these messages: ${messageOf(error)}`,
        { param: "messages" },
      );
    }
  }
}

/**
 * The prompt up to the end of the last turn's content, as transformers cuts it: a flag stands behind the content, and a
 * blank behind that shows if the template trims contents.
 */
function continued(
  conversation: Conversation,
  { render, flag }: { readonly render: (flagged: Conversation) => string; readonly flag: string },
): string {
  const { messages } = conversation;
  const flagged = messages.map((turn, index) =>
    index === messages.length - 1 ? { ...turn, content: `${turn.content}${flag} ` } : turn,
  );
  const text = render({ ...conversation, messages: flagged });
  const end = text.lastIndexOf(flag);
  if (end < 0) {
    const message =
      "the model's chat template leaves the last message out, so it cannot be continued";
    throw new ChatTemplateError(message, { param: "messages" });
  }
  const isTrimmed = text[end + flag.length] !== " ";
  return isTrimmed ? text.slice(0, end).trimEnd() : text.slice(0, end);
}

interface ChatTemplateParts {
  readonly template: Template;
  readonly toolTemplate: Template;
  readonly source: TemplateInit;
  readonly specials: readonly string[];
}

async function parseTemplate({ place }: TemplateInit, text: string): Promise<Template> {
  const { Template } = await import("@huggingface/jinja");
  const numBytes = Buffer.byteLength(text);
  if (numBytes > MAX_TEMPLATE_BYTES) {
    throw new ModelError(
      `${place} has ${numBytes} bytes, and a template has at most ${MAX_TEMPLATE_BYTES}`,
    );
  }
  try {
    return new Template(text);
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateError(place, error.message);
    throw new ModelError(`${place} is not a valid template: ${messageOf(error)}`);
  }
}

/**
 * Some templates tell a turn of calls by its content, which is none; others take text only. Most take arguments as a
 * mapping; some join them to their text without a look.
 */
function inputOptionsOf(template: string): InputOptions {
  const asksForNone = /\bcontent\b['"\]\s]*\bis\s+(not\s+)?none\b/.test(template);
  const joinsText = /\barguments\b['"\]]*\s*[+~]/.test(template);
  const asksForText = /\barguments\b['"\]]*\s+is\s+(not\s+)?(string|mapping)\b/.test(template);
  return {
    noContent: asksForNone ? null : "",
    arguments: joinsText && !asksForText ? "text" : "object",
  };
}

/** For a model without a template: the texts of the messages, a line each. */
export class JoinedMessages implements ChatRenderer {
  readonly #specials: SpecialTexts;

  constructor(specials: readonly string[]) {
    this.#specials = new SpecialTexts(specials);
  }

  render({ messages }: Conversation, limits: RenderLimits): PromptText {
    const texts = messages.map(({ content }) => content);
    const marking = this.#specials.marking(() => texts);
    const text = marking.mark(texts).join("\n");
    refuseLonger(text, limits);
    return marking.restore(text);
  }
}

/** `length` is known of a text that was joined of many; its bytes are not, and counting them may take 1 GB. */
function refuseLonger({ length }: string, { maxTokens, maxTokenBytes }: RenderLimits): void {
  const numTokens = Math.ceil(length / maxTokenBytes);
  if (numTokens > maxTokens) throw new PromptTooLongError(numTokens, maxTokens);
}

/** The template refused a conversation: roles in an order it was not made for, most often. */
export class ChatTemplateError extends DynamoError {
  override readonly code = "invalid_request";
}

/** The model's template is at fault: it does not parse, or does not come to an end. */
export class TemplateError extends DynamoError {
  override readonly code = "template_error";

  constructor(place: string, reason: string) {
    super(`the model's chat template cannot be used (${place}): ${reason}`, { reason });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
