// How a model writes calls and thoughts: as its configuration says, else as its template shows.

import { DynamoError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { AnswerParser } from "../../parsers/answer-parser.ts";
import {
  REASONING_FORMATS,
  type ReasoningFormatName,
  reasoningFormatOf,
  showsTools,
  TOOL_FORMATS,
  type ToolFormatName,
  toolFormatOf,
} from "../../parsers/formats.ts";
import { behindThoughts, type ReasoningFormat } from "../../parsers/reasoning.ts";
import type { ToolFormat } from "../../parsers/tool-parser.ts";
import type { ChatCompletionRequest } from "../../protocol/chat.ts";
import type { GrammarSource, OutputGrammar } from "../../protocol/grammar.ts";
import type { TextStreamOptions } from "../../tokenizer/text-stream.ts";
import type { SpelledText } from "../../tokenizer/token-text.ts";
import type { ChatTemplateSource } from "../../tokenizer/tokenizer-files.ts";
import { ParsedText } from "./parsed-text.ts";

export interface AnswerKeys {
  /** Undefined: by the template. */
  readonly toolCallParser?: ToolFormatName | "none" | undefined;
  readonly reasoningParser?: ReasoningFormatName | "none" | undefined;
}

interface AnswerFormatsParts {
  readonly tools: ToolFormat | undefined;
  readonly reasoning: ReasoningFormat | undefined;
  /** False if the template has no place for tools. */
  readonly showsTools: boolean;
  readonly log: Logger;
}

/** Token ids with which a prompt ends, as far as they may be markers. */
const TAIL_TOKENS = 16;

export class AnswerFormats {
  readonly #parts: AnswerFormatsParts;
  readonly #text: (markers: readonly string[] | "all") => SpelledText;
  readonly #texts = new Map<ToolFormat | undefined, SpelledText>();
  #hasWarned = false;

  /** `text` spells the markers that are special tokens of the vocabulary. */
  private constructor(
    parts: AnswerFormatsParts,
    text: (markers: readonly string[] | "all") => SpelledText,
  ) {
    this.#parts = parts;
    this.#text = text;
  }

  static of(
    { toolCallParser, reasoningParser }: AnswerKeys,
    template: ChatTemplateSource | undefined,
    {
      log,
      text,
    }: { readonly log: Logger; readonly text: (markers: readonly string[] | "all") => SpelledText },
  ): AnswerFormats {
    const written = `${template?.text ?? ""}\n${template?.toolUse ?? ""}`;
    const tools = toolCallParser ?? toolFormatOf(written) ?? "none";
    const reasoning = reasoningParser ?? reasoningFormatOf(written) ?? "none";
    if (tools === "none" && toolCallParser === undefined && showsTools(written)) {
      log.warn(
        "the template shows tools to the model, and in which format it calls them is not known: calls stay text; set tool-call-parser",
        { file: template?.place },
      );
    }
    const parts = {
      tools: tools === "none" ? undefined : TOOL_FORMATS[tools],
      reasoning: reasoning === "none" ? undefined : REASONING_FORMATS[reasoning],
      showsTools: showsTools(written),
      log,
    };
    return new AnswerFormats(parts, text);
  }

  /** Opens the texts of an answer; undefined where it has content only. */
  open(request: ChatCompletionRequest): ((options: TextStreamOptions) => ParsedText) | undefined {
    const { tools: definitions, parallelToolCalls } = request;
    if (definitions.length > 0) this.#warnIfUnseen();
    const tools = this.#callsOf(request);
    const { reasoning } = this.#parts;
    if (tools === undefined && reasoning === undefined) return undefined;
    const text = request.showSpecialTokens ? this.#text("all") : this.#textFor(tools);
    const maxCalls = parallelToolCalls ? Number.POSITIVE_INFINITY : 1;
    return (options) => {
      const promptTail = text.decode(lastOf(options.promptTokenIds, TAIL_TOKENS));
      const answer = { reasoning, tools, promptTail, definitions, maxCalls };
      return new ParsedText(text.textStream(options), new AnswerParser(answer));
    };
  }

  /** The form of an answer behind a prompt; undefined: any text. Throws `UnknownCallsError`. */
  grammarOf(
    request: ChatCompletionRequest,
    promptTokenIds: ArrayLike<number>,
  ): Pick<OutputGrammar, "source" | "markers"> | undefined {
    const { reasoning } = this.#parts;
    const tools = this.#callsOf(request);
    const content = contentGrammar(request, tools);
    if (content === undefined) return undefined;
    const tail = this.#textFor(tools).decode(lastOf(promptTokenIds, TAIL_TOKENS));
    return {
      source: reasoning ? behindThoughts(reasoning.beginning(tail), content) : content,
      markers: this.#markersOf(tools),
    };
  }

  /** The format in which the answer may have calls. */
  #callsOf({ tools, toolChoice }: ChatCompletionRequest): ToolFormat | undefined {
    return tools.length > 0 && toolChoice !== "none" ? this.#parts.tools : undefined;
  }

  #markersOf(tools: ToolFormat | undefined): readonly string[] {
    return [...(this.#parts.reasoning?.markers ?? []), ...(tools?.markers ?? [])];
  }

  #textFor(tools: ToolFormat | undefined): SpelledText {
    const text = this.#texts.get(tools) ?? this.#text(this.#markersOf(tools));
    this.#texts.set(tools, text);
    return text;
  }

  /** They are passed on, as by vLLM, and come to nothing. */
  #warnIfUnseen(): void {
    if (this.#parts.showsTools || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#parts.log.warn(
      "a request has tools, and the model's chat template does not show them to it",
    );
  }
}

/** The form of all but the thoughts. */
export function contentGrammar(
  { form, tools, toolChoice, parallelToolCalls }: ChatCompletionRequest,
  format: ToolFormat | undefined,
): GrammarSource | undefined {
  const max = parallelToolCalls ? Number.POSITIVE_INFINITY : 1;
  const isForced = toolChoice === "required" || typeof toolChoice === "object";
  const strict = toolChoice === "none" ? undefined : tools.find((tool) => tool.strict);
  if (format === undefined) {
    if (isForced) throw new UnknownCallsError("tool_choice");
    if (strict !== undefined) throw new UnknownCallsError(strict.field ?? "tools");
    return form;
  }
  const { calls, mixed } = format.grammar;
  if (typeof toolChoice === "object")
    return calls(
      tools.filter(({ name }) => name === toolChoice.name),
      1,
    );
  if (isForced) return calls(tools, max);
  if (form !== undefined) return { type: "any_of", options: [form, calls(tools, max)] };
  return strict === undefined ? undefined : mixed(tools, max);
}

/** Calls of a format that is not known here can be held to nothing. */
export class UnknownCallsError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(param: string) {
    super(
      `'${param}': the format in which this model calls tools is not known, so its calls can be held to nothing; ` +
        'send tool_choice "auto" and tools without `strict`, or serve with --Processor.tool-call-parser',
      { param },
    );
  }
}

function lastOf(ids: ArrayLike<number>, count: number): readonly number[] {
  const begin = Math.max(0, ids.length - count);
  return Array.from({ length: ids.length - begin }, (_, index) => ids[begin + index] ?? 0);
}
