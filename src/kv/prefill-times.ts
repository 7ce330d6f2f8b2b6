// Share of its time in which a worker has prompts to compute, and since when it computes the first of them, by what the
// router can see: when it was given prompts, and when their first outputs came. The curve learns what they took.
//
// While a worker has prompts to compute it is taken to compute them, so between two of these moments it has
// got on by the time that has passed. How fast one worker is beside another is not asked: they are of one kind, and
// a worker that has many prompts at once computes them in fewer steps, would seem quick, and get still more.

import type { PrefillCurve } from "./prefill-curve.ts";

/** Time by which the share of busy time has forgotten two thirds of the past. */
const BUSY_MEMORY_MS = 60_000;

export class PrefillTimes {
  readonly #curve: PrefillCurve;
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

  /** A prompt is computed. The first of those that share a step is taken for all of it. */
  done(numTokens: number, now: number): void {
    this.#curve.observe(numTokens, now - this.#since);
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
