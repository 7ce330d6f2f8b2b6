// State of the reader of one sequence. It buffers nothing: the tokens lie in the sequence, and the
// stream knows how many of them were read. So a slow reader gets several in one output and costs no
// memory.

import { assert } from "../base/assert.ts";
import type { SequenceEnd, TokenOutput } from "../protocol/llm.ts";
import type { Sequence } from "./sequence.ts";

type Result = IteratorResult<TokenOutput, undefined>;

const DONE: Result = { done: true, value: undefined };

/** As many as items of a stream may be ahead of their reader; those are ahead of these. */
const MAX_UNREAD_TOKENS = 32;
/** A reader that is behind because its thread is busy reads sooner than this. */
const MAX_UNREAD_MS = 1000;

export interface OutputStreamOptions {
  /** The reader leaves, maybe after the sequence has ended. */
  readonly onLeave: () => void;
  /** Tokens of a stalled sequence were read. */
  readonly onResume: () => void;
}

export class OutputStream implements AsyncIterableIterator<TokenOutput, undefined> {
  readonly #sequence: Sequence;
  readonly #options: OutputStreamOptions;
  readonly #readers: PromiseWithResolvers<Result>[] = [];
  #numRead: number;
  #hasGiven = false;
  /** Since when more is unread than may be. */
  #unreadSince: number | undefined;
  #state: "open" | "done" | { readonly failure: Error } = "open";

  constructor(sequence: Sequence, options: OutputStreamOptions) {
    this.#sequence = sequence;
    this.#numRead = sequence.numGivenTokens;
    this.#options = options;
  }

  /** True if its reader has stopped reading. Asked after each step that gave the sequence a token. */
  isUnread(now: number): boolean {
    if (this.#sequence.numOutputTokens - this.#numRead < MAX_UNREAD_TOKENS) {
      this.#unreadSince = undefined;
      return false;
    }
    this.#unreadSince ??= now;
    return now - this.#unreadSince >= MAX_UNREAD_MS;
  }

  next(): Promise<Result> {
    const result = this.#readers.length === 0 ? this.#take() : undefined;
    if (result !== undefined) {
      if (this.#sequence.status === "stalled") this.#options.onResume();
      return Promise.resolve(result);
    }
    if (typeof this.#state === "object") {
      const { failure } = this.#state;
      this.#state = "done"; // As a generator that threw: the next call is answered with the end.
      return Promise.reject(failure);
    }
    const reader = Promise.withResolvers<Result>();
    this.#readers.push(reader);
    return reader.promise;
  }

  /** Leaves: the sequence is aborted now, not when a pending `next()` has been answered. */
  return(): Promise<Result> {
    this.#state = "done";
    this.#options.onLeave();
    this.notify();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The engine's word that the sequence has a new token or has ended. */
  notify(): void {
    while (this.#readers.length > 0) {
      const result = this.#take();
      if (result === undefined) return;
      this.#readers.shift()?.resolve(result);
    }
  }

  /** The engine's word that there will be no more, since the sequence or the whole engine has failed or was ended. */
  fail(error: Error): void {
    const reader = this.#readers.shift();
    this.#state = reader === undefined ? { failure: error } : "done";
    reader?.reject(error);
    this.notify();
  }

  /** All that is new, or the end; undefined where there is nothing to give yet. */
  #take(): Result | undefined {
    if (this.#state === "done") return DONE;
    const { tokenIds, numPromptTokens, numOutputTokens, numCachedTokens } = this.#sequence;
    const finishReason = this.#state === "open" ? this.#finishReason() : undefined;
    if (finishReason === undefined && this.#numRead === numOutputTokens) return undefined;
    const logprobs = this.#newLogprobs();
    const newTokenIds: number[] = [];
    while (this.#numRead < numOutputTokens) {
      newTokenIds.push(tokenIds[numPromptTokens + this.#numRead++] as number);
    }
    if (finishReason === undefined) {
      return { done: false, value: { tokenIds: newTokenIds, numCachedTokens, ...logprobs } };
    }
    this.#state = "done";
    const { hiddenState } = this.#sequence;
    const value = {
      ...{ tokenIds: newTokenIds, numCachedTokens, ...logprobs, finishReason },
      ...(hiddenState && { hiddenState }),
    };
    return { done: false, value };
  }

  /** Log-probabilities of the tokens that are not read yet; those of the prompt come with the first. */
  #newLogprobs(): Pick<TokenOutput, "logprobs" | "promptLogprobs"> | undefined {
    const { outputLogprobs, promptLogprobs, numOutputTokens } = this.#sequence;
    if (outputLogprobs === undefined && promptLogprobs === undefined) return undefined;
    const isFirst = !this.#hasGiven;
    this.#hasGiven = true;
    return {
      ...(outputLogprobs && { logprobs: outputLogprobs.slice(this.#numRead, numOutputTokens) }),
      ...(isFirst &&
        promptLogprobs && { promptLogprobs: promptLogprobs.slice(0, promptLogprobs.length) }),
    };
  }

  #finishReason(): SequenceEnd | undefined {
    const { endReason } = this.#sequence;
    const isTold =
      endReason !== "error" && endReason !== "cancelled" && endReason !== "server_shutdown";
    assert(isTold, "a sequence was ended, but not its stream");
    return endReason;
  }
}
