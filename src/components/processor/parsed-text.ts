// The text of one choice of a chat whose model may think or call tools: as TextStream, and told apart.
//
//   token ids --TextStream--> text, markers spelled --AnswerParser--> content, thoughts, calls
//
// Stop strings are looked for in all of the text, before it is told apart, as vLLM does.

import type { AnswerParser } from "../../parsers/answer-parser.ts";
import type { FinishReason, SequenceEnd, TextOutput } from "../../protocol/llm.ts";
import type { TextPiece, TextStream } from "../../tokenizer/text-stream.ts";

/** A piece of a choice that one step has added. */
export interface ChoicePiece extends TextPiece {
  /** Parts beside the text. */
  readonly beside?: Pick<TextOutput, "reasoning" | "toolCalls" | "numReasoningTokens">;
  /** In the last piece, if it is another one than the sequence's. */
  readonly finishReason?: FinishReason;
}

/** `end` comes with the last tokens; `finish` gives what is held back then. */
export interface ChoiceText {
  push(tokenIds: readonly number[], end: SequenceEnd | undefined): ChoicePiece;
  finish(): string;
}

export class ParsedText implements ChoiceText {
  readonly #text: TextStream;
  readonly #parser: AnswerParser;

  constructor(text: TextStream, parser: AnswerParser) {
    this.#text = text;
    this.#parser = parser;
  }

  push(tokenIds: readonly number[], end: SequenceEnd | undefined): ChoicePiece {
    const parser = this.#parser;
    let numTokens = 0;
    let numReasoningTokens = 0;
    let isStopped = false;
    let stopString: string | undefined;
    while (numTokens < tokenIds.length && !isStopped && !parser.isFull) {
      const wasThinking = parser.isThinking;
      const piece = this.#text.push([tokenIds[numTokens++] ?? 0]);
      parser.push(piece.text);
      isStopped = piece.stopped;
      stopString = piece.stopString;
      // The markers are no thoughts.
      if (wasThinking && parser.isThinking) numReasoningTokens++;
    }
    const isOver = isStopped || parser.isFull;
    const finishReason = isOver ? this.#finish("stop string") : end && this.#finish(end);
    const { text, reasoning, toolCalls } = parser.take();
    return {
      ...{ text, stopped: isOver, numTokens },
      beside: {
        ...(reasoning !== "" && { reasoning }),
        ...(toolCalls.length > 0 && { toolCalls }),
        ...(numReasoningTokens > 0 && { numReasoningTokens }),
      },
      ...(finishReason !== undefined && { finishReason }),
      ...(stopString !== undefined && { stopString }),
    };
  }

  /** All was told with the last tokens. */
  finish(): string {
    return "";
  }

  #finish(end: SequenceEnd | "stop string"): FinishReason {
    const parser = this.#parser;
    if (end !== "stop string") parser.push(this.#text.finish());
    parser.finish(end === "stop" ? "stop" : "cut");
    if (end === "length") return "length";
    return parser.hasWholeCalls ? "tool_calls" : "stop";
  }
}
