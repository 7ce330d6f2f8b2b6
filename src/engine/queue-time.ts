// How long a sequence waits for its first step: the tokens ahead of it by the rate at which steps got through such
// tokens while others waited. A queue is a buffer, and is measured in time: work for `maxMs` at most may wait in it.
//
//   at arrival   refused, if its turn would come later than maxMs, or if its tenant has nearly all of the queue
//   afterwards   refused, if the estimate was wrong: work for more than 1.05 maxMs waits, or its turn has not come by then.
//                The latter has the queue be full earlier, until that does not happen any more.
//
// A tenant may have eight times as much waiting as is left for others (Dynamic Thresholds, Choudhury and Hahne,
// IEEE/ACM Transactions on Networking 1998): alone it has eight ninths, and a newcomer finds room.

import { QueueFullError } from "./engine-error.ts";

const GREED = 8;
/** How far an estimate may be wrong before a sequence that waits is refused. */
const TOLERANCE = 1.05;
/** Over so long the rate is a mean. */
const MEMORY_MS = 5000;
/** The part of the queue that may be filled: by each that was late, then back to all of it in so much busy time. */
const LATE_FACTOR = 0.97;
const MIN_SHARE = 0.25;
const RECOVERY_MS = 120_000;
/** A rate of less time than this says nothing. */
const MIN_MEASURED_MS = 200;
/** A sequence that has waited for this part of `maxMs` gets every second seat, by arrival. */
const OVERDUE = 0.5;

/** Tokens that wait, as a new sequence of a tenant finds them. */
export interface QueuedTokens {
  /** Ahead of it, by fair shares. */
  readonly numAhead: number;
  /** Those of its tenant, and of all; of each tenant no more count than it needs itself. */
  readonly numOwn: number;
  readonly numTotal: number;
}

export class QueueTime {
  readonly #maxMs: number;
  #numTokens = 0;
  #ms = 0;
  #measuredMs = 0;
  /** Part of the queue that may be filled. */
  #share = 1;

  /** Infinity: no sequence is refused. */
  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  get isBounded(): boolean {
    return this.#maxMs < Number.POSITIVE_INFINITY;
  }

  /** Sequences that came before this have waited long. */
  overdueBefore(now: number): number {
    return now - OVERDUE * this.#maxMs;
  }

  /** Sequences that came before this and have not run are refused. */
  lateBefore(now: number): number {
    return now - TOLERANCE * this.#maxMs;
  }

  /** In `ms` with sequences that waited, steps got `numTokens` done. */
  observe(numTokens: number, ms: number): void {
    if (ms <= 0) return;
    const kept = Math.exp(-ms / MEMORY_MS);
    this.#numTokens = kept * this.#numTokens + numTokens;
    this.#ms = kept * this.#ms + ms;
    this.#measuredMs += ms;
    this.#share = Math.min(1, this.#share + ms / RECOVERY_MS);
  }

  /** Milliseconds that `numTokens` take; undefined while that is not known. */
  msOf(numTokens: number): number | undefined {
    if (this.#measuredMs < MIN_MEASURED_MS || this.#numTokens === 0) return undefined;
    return (numTokens * this.#ms) / this.#numTokens;
  }

  /** Why a new sequence is refused, if it is. `numBegun`: tokens of prompts that have a seat, and are ahead of all. */
  refusal(
    { numAhead, numOwn, numTotal }: QueuedTokens,
    numBegun: number,
  ): QueueFullError | undefined {
    const aheadMs = this.msOf(numAhead + numBegun) ?? 0;
    const filledMs = this.msOf(numTotal + numOwn / GREED + numBegun) ?? 0;
    const excessMs = Math.max(aheadMs, filledMs) - this.#share * this.#maxMs;
    if (excessMs <= 0) return undefined;
    return new QueueFullError({
      waitMs: Math.max(aheadMs, filledMs),
      excessMs,
      maxMs: this.#maxMs,
    });
  }

  /** The turn of one did not come in time. */
  noteLate(): void {
    this.#share = Math.max(MIN_SHARE, LATE_FACTOR * this.#share);
  }

  /** For one that waited in vain, with `numTotal` tokens in the queue. */
  late(numTotal: number): QueueFullError {
    const waitMs = Math.max(this.msOf(numTotal) ?? 0, TOLERANCE * this.#maxMs);
    const excessMs = waitMs - this.#maxMs;
    return new QueueFullError({ waitMs, excessMs, maxMs: this.#maxMs, hasWaited: true });
  }

  /** True if so many tokens wait that the last of them would be late. */
  isOverfull(numTotal: number): boolean {
    return (this.msOf(numTotal) ?? 0) > TOLERANCE * this.#maxMs;
  }
}
