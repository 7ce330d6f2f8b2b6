// Errors with which an engine refuses a request, or ends its stream.

import { DynamoError } from "../base/error.ts";

/** Memory is short around the process. The caller may try again later. */
export class MemoryShortError extends DynamoError {
  override readonly code = "memory_short";

  constructor() {
    super("memory is short around the server: it takes no new request until that is over");
  }
}

/** The queue is at its limit. The caller may try again, here later or elsewhere now. */
export class EngineFullError extends DynamoError {
  override readonly code = "engine_full";

  constructor(maxNumSeqs: number, maxWaiting: number) {
    super(
      `the engine is full: ${maxNumSeqs} requests run and ${maxWaiting} wait; try again later, ` +
        "or serve with more workers",
      { max_num_seqs: maxNumSeqs, max_waiting: maxWaiting },
    );
  }
}

/** Its turn would come too late. The caller may try again, here later or elsewhere now. */
export class QueueFullError extends DynamoError {
  override readonly code = "queue_full";

  /** `excessMs`: until the queue has room, if no other takes it. */
  constructor(times: {
    readonly waitMs: number;
    readonly excessMs: number;
    readonly maxMs: number;
    /** It was in the queue, and would have been for too long. */
    readonly hasWaited?: true;
  }) {
    const retryAfterS = Math.max(1, Math.ceil(times.excessMs / 1000));
    super(
      `The queue is full: about ${seconds(times.waitMs)} s of work wait, and ${seconds(times.maxMs)} s may. ` +
        `Try again in ${retryAfterS} s.`,
      { retry_after_s: retryAfterS, ...(times.hasWaited && { has_waited: true }) },
    );
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

/** Too many streams are not read, and this one has not been for longest. Its reader still gets what it had. */
export class UnreadStreamError extends DynamoError {
  override readonly code = "slow_reader";

  constructor(maxStalled: number) {
    super(
      `this stream was not read while ${maxStalled} others were not either; read faster, or ask for ` +
        "fewer choices at once",
      { max_stalled: maxStalled },
    );
  }
}

/** One sequence's logits were NaN or infinite. It alone ends by that; the others and the engine go on. */
export class InvalidLogitsError extends DynamoError {
  override readonly code = "invalid_logits";

  constructor(position: number) {
    super(
      `the model's logits for token ${position} of this sequence are NaN or infinite, so none can be ` +
        "sampled; check that its weights are whole",
      { position },
    );
  }
}

/** The engine has been closed, or a step has failed; `run()` says which. */
export class EngineClosedError extends DynamoError {
  override readonly code = "server_shutdown";

  constructor() {
    super("the engine is closed and computes no more; send the request to another worker");
  }
}

/** Nothing that the request's grammar allows can come next: its other limits on tokens, or the vocabulary, rule it out. */
export class DeadEndError extends DynamoError {
  override readonly code = "grammar_dead_end";

  constructor(numTokens: number) {
    super(
      `no token can follow the ${numTokens} that this output has: what its grammar allows, 'allowed_token_ids', ` +
        "'bad_words', 'logit_bias', 'ignore_eos', 'min_tokens' or the vocabulary rules out; change one of them",
      { num_tokens: numTokens },
    );
  }
}

/** The engine gave a token that the request's grammar forbids: a script that says something else. */
export class BrokenGrammarError extends DynamoError {
  override readonly code = "grammar_broken";

  constructor(tokenId: number, position: number) {
    super(
      `token ${tokenId} at place ${position} of the output is not of the request's grammar; a scripted answer must be`,
      { token_id: tokenId, position },
    );
  }
}
