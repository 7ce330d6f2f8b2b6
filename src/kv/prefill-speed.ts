// How fast a worker computes prompts beside the others, and how much of its time it has prompts to compute, by what
// whoever routes can see: when it was given tokens, and when their first outputs came. Decoding beside them, chunking
// and the machine are all in the figures.
//
// While a worker has prompts to compute it is taken to compute them, so between two of these moments it has
// got on by the time that has passed.

import { type PrefillCurve, sizesOf } from "./prefill-curve.ts";

/**
 * Weight that the past keeps at each prompt. About a hundred prompts count: with fewer, workers that are alike
 * seem to differ by the prompts that they happened to get.
 */
const MEMORY = 0.99;
/** Time by which the share of busy time has forgotten two thirds of the past. */
const BUSY_MEMORY_MS = 60_000;

export class PrefillSpeed {
  readonly #curve: PrefillCurve;
  // Fading sums, so that a long prompt counts for more than a short one.
  #ms = 0;
  #expectedMs = 0;
  /** When the last prompt was done or, if there was none before, the first one given. */
  #since = 0;
  #isBusy = false;
  /** Share of the time with prompts to compute, as it was at a moment. */
  #busyShare = 0;
  #busyShareAt: number;

  constructor(curve: PrefillCurve, now: number) {
    this.#curve = curve;
    this.#busyShareAt = now;
  }

  /** What it takes beside the curve. Undefined before the first prompt is done. */
  get factor(): number | undefined {
    return this.#expectedMs === 0 ? undefined : this.#ms / this.#expectedMs;
  }

  /** Share of the last minutes in which it had prompts to compute. */
  busyShare(now: number): number {
    const target = this.#isBusy ? 1 : 0;
    const kept = Math.exp(-(now - this.#busyShareAt) / BUSY_MEMORY_MS);
    return target + (this.#busyShare - target) * kept;
  }

  /** The worker had nothing to compute, and now it has. */
  start(now: number): void {
    this.#since = now;
    this.#setBusy(true, now);
  }

  /** It has nothing to compute any more. */
  stop(now: number): void {
    this.#setBusy(false, now);
  }

  /** A prompt is computed. Of those that share a step, the first is taken for all of it. */
  done(numTokens: number, now: number): void {
    const ms = now - this.#since;
    this.#curve.observe(numTokens, ms);
    this.#ms = MEMORY * this.#ms + ms;
    this.#expectedMs = MEMORY * this.#expectedMs + this.#curve.msOf(sizesOf(numTokens));
    this.#since = now;
  }

  /** For how long the running prompt has been computed. */
  elapsedMs(now: number): number {
    return this.#isBusy ? now - this.#since : 0;
  }

  #setBusy(isBusy: boolean, now: number): void {
    this.#busyShare = this.busyShare(now);
    this.#busyShareAt = now;
    this.#isBusy = isBusy;
  }
}
