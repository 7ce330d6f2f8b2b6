// One choice of an answer: the tokens of its sequence become text, and the facts that its client asks for.

import type { GenerationRequest } from "../../protocol/chat.ts";
import type { PreprocessedRequest, TextOutput, TokenOutput } from "../../protocol/llm.ts";
import type { TextStream, TextStreamOptions } from "../../tokenizer/text-stream.ts";
import type { ChoicePiece, ChoiceText } from "./parsed-text.ts";
import type { Spelling } from "./prompt-tokens.ts";
import { type PieceSource, scoredTokens, spelled } from "./scored-tokens.ts";
import type { Places } from "./sequence-shares.ts";

/**
 * Starts one sequence. Leaving the loop over its tokens ends it. `hasSent` says whether the client has any of its
 * text: until then it may be begun again.
 */
export type Send = (
  request: PreprocessedRequest,
  hasSent: () => boolean,
) => AsyncIterable<TokenOutput>;

export interface TextStreams extends Spelling, PieceSource {
  /** With special tokens spelled. */
  shownStream(options: TextStreamOptions): TextStream;
  textStream(options: TextStreamOptions): TextStream;
}

export interface Choice {
  readonly sequence: PreprocessedRequest;
  readonly index: number;
  readonly text: TextStreams;
  readonly send: Send;
  readonly places: Places;
  /** For chats whose answers are more than content. */
  readonly openText?: ((options: TextStreamOptions) => ChoiceText) | undefined;
  /** The text begins with its prompt. */
  readonly echo?: boolean;
}

/** Releases its place at its end. */
export async function* choiceOutputs(
  request: GenerationRequest,
  choice: Choice,
): AsyncGenerator<TextOutput> {
  const { sequence, index, send, places, text: streams, openText, echo = false } = choice;
  const { tokenIds, stop } = sequence;
  const options = {
    promptTokenIds: tokenIds,
    stop: request.stop,
    minTokens: stop.minTokens,
    stopTokenIds: stop.stopTokenIds,
    includeStop: request.includeStop ?? false,
  };
  const plain = () =>
    request.showSpecialTokens ? streams.shownStream(options) : streams.textStream(options);
  const open = (): ChoiceText => openText?.(options) ?? plain();
  const tells = tellsTokens(request);
  let facts = factsFor(request, choice);
  let hasSent = false;
  const numPromptTokens = tokenIds.length;
  try {
    let text = open();
    for await (const output of send(sequence, () => hasSent)) {
      const { finishReason: end, numCachedTokens, restarts } = output;
      if (restarts) {
        text = open();
        facts = factsFor(request, choice);
      }
      const piece = text.push(output.tokenIds, end);
      const { numTokens, stopped, beside } = piece;
      hasSent ||= request.stream && (saysMore(piece) || tells || echo);
      const said = {
        ...{ index, numTokens, numPromptTokens, numCachedTokens },
        ...(restarts && { restarts }),
        ...beside,
        ...(output.hiddenState && { hiddenState: output.hiddenState }),
        ...facts(output, numTokens),
      };
      if (end === undefined && !stopped) yield { ...said, text: piece.text };
      else yield { ...said, ...lastOf(text, piece, output), ...stopTokenOf(request, output) };
      if (stopped) return; // Leaving the loop ends the sequence.
    }
  } finally {
    places.release();
  }
}

type Facts = Partial<TextOutput>;

const NO_FACTS: Facts = {};

/** Gives the facts beside each output: those about the prompt come with the first. Most requests ask for none. */
function factsFor(
  request: GenerationRequest,
  { sequence, text: streams, echo = false }: Choice,
): (output: TokenOutput, count: number) => Facts {
  const tells = tellsTokens(request);
  if (!tells && !echo) return () => NO_FACTS;
  let isFirst = true;
  return (output, count) => {
    const ofPrompt = isFirst ? promptFacts(request, sequence, { output, echo, streams }) : NO_FACTS;
    isFirst = false;
    return { ...ofPrompt, ...(tells && tokenFacts(request, output, { pieces: streams, count })) };
  };
}

interface PromptFacts {
  readonly output: TokenOutput;
  readonly echo: boolean;
  readonly streams: TextStreams;
}

/** Facts about the first `count` tokens of a step. */
function tokenFacts(
  { returnTokenIds }: GenerationRequest,
  { tokenIds, logprobs }: TokenOutput,
  { pieces, count }: { readonly pieces: PieceSource; readonly count: number },
): Pick<TextOutput, "logprobs" | "tokenIds"> {
  return {
    ...(logprobs && { logprobs: scoredTokens(tokenIds, logprobs, { pieces, count }) }),
    ...(returnTokenIds && { tokenIds: tokenIds.slice(0, count) }),
  };
}

/** Facts about the prompt, told once. */
function promptFacts(
  { returnTokenIds, showSpecialTokens, logprobs, promptLogprobs }: GenerationRequest,
  { tokenIds }: PreprocessedRequest,
  { output, echo, streams: pieces }: PromptFacts,
): Pick<TextOutput, "promptLogprobs" | "promptTokenIds" | "echo"> {
  const told = output.promptLogprobs;
  const scores = told && scoredTokens(tokenIds.subarray(1), told, { pieces });
  const text = () => (showSpecialTokens ? pieces.spell(tokenIds) : pieces.decode(tokenIds));
  return {
    ...(scores && promptLogprobs !== undefined && { promptLogprobs: scores }),
    ...(returnTokenIds && { promptTokenIds: [...tokenIds] }),
    ...(echo && {
      echo: {
        ...{ text: text(), firstTokenText: spelled(tokenIds[0] ?? 0, pieces).text },
        ...(scores && logprobs !== undefined && { logprobs: scores }),
      },
    }),
  };
}

/** The rest of a text, and why it ends. */
function lastOf(
  text: ChoiceText,
  { text: said, stopped, stopString, finishReason }: ChoicePiece,
  { finishReason: end = "stop", annotations }: TokenOutput,
): Pick<TextOutput, "text" | "finishReason" | "stopString" | "annotations"> {
  if (stopped) {
    const last = { text: said, finishReason: finishReason ?? ("stop" as const) };
    return stopString === undefined ? last : { ...last, stopString };
  }
  const last = { text: said + text.finish(), finishReason: finishReason ?? end };
  return annotations === undefined ? last : { ...last, annotations };
}

/** True if each piece tells of its tokens, whether they have become text or not. */
function tellsTokens({ logprobs, promptLogprobs, returnTokenIds }: GenerationRequest): boolean {
  return logprobs !== undefined || promptLogprobs !== undefined || returnTokenIds === true;
}

/** The token that ended a sequence, where the client named it. */
function stopTokenOf(
  { stopTokenIds = [] }: GenerationRequest,
  { tokenIds, finishReason }: TokenOutput,
): Pick<TextOutput, "stopTokenId"> {
  const last = tokenIds.at(-1);
  const isNamed = finishReason === "stop" && last !== undefined && stopTokenIds.includes(last);
  return isNamed ? { stopTokenId: last } : {};
}

/** True if a client sees something of it. */
function saysMore({ text, beside }: ChoicePiece): boolean {
  return text !== "" || beside?.reasoning !== undefined || beside?.toolCalls !== undefined;
}
