// Log-probabilities as OpenAI's two routes write them.

import type { ScoredToken, TokenScore } from "../protocol/llm.ts";

/** JSON has no infinity; vLLM's stand-in. */
const LEAST_LOGPROB = -9999;

export function chatLogprobs(scores: readonly ScoredToken[]): object {
  return {
    content: scores.map((score) => ({
      ...chatToken(score),
      top_logprobs: score.top.map(chatToken),
    })),
    refusal: null,
  };
}

/** Written with the text that they stand in, which may go on from chunk to chunk. */
export class CompletionLogprobs {
  #offset = 0;

  of(scores: readonly (ScoredToken | UnscoredToken)[]): object {
    return {
      tokens: scores.map(({ text }) => text),
      token_logprobs: scores.map((score) => ("logprob" in score ? finite(score.logprob) : null)),
      top_logprobs: scores.map((score) => ("logprob" in score ? topOf(score) : null)),
      text_offset: scores.map(({ text }) => {
        const offset = this.#offset;
        this.#offset += text.length;
        return offset;
      }),
    };
  }
}

/** A prompt's first token: nothing says how likely it was. */
export interface UnscoredToken {
  readonly text: string;
}

/** vLLM's form: for each token of a prompt but the first, by id. */
export function promptLogprobs(scores: readonly ScoredToken[]): readonly unknown[] {
  const entry = ({ logprob, rank, text }: TokenScore) => ({
    logprob: finite(logprob),
    rank,
    decoded_token: text,
  });
  return [
    null,
    ...scores.map((score) =>
      Object.fromEntries([score, ...score.top].map((one) => [one.tokenId, entry(one)])),
    ),
  ];
}

/** The likeliest by their texts, and the token itself: one more where it is none of them. */
function topOf(score: ScoredToken): Readonly<Record<string, number>> {
  const top = new Map<string, number>();
  for (const { text, logprob } of [...score.top, score]) {
    if (!top.has(text)) top.set(text, finite(logprob));
  }
  return Object.fromEntries(top);
}

function chatToken({ text, bytes, logprob }: TokenScore): object {
  return { token: text, logprob: finite(logprob), bytes };
}

function finite(logprob: number): number {
  return Math.max(logprob, LEAST_LOGPROB);
}
