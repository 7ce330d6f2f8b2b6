// How fast a worker computes prompts, by what whoever routes can see: when it was given tokens, and when
// their first outputs came. Decoding beside them, chunking and the machine are all in the figure.
//
// While a worker has prompts to compute it is taken to compute them, so between two of these moments it has
// got on by time over speed.

/**
 * Weight that the past keeps at each prompt. About a hundred prompts count: with fewer, workers that are alike
 * seem to differ by the prompts that they happened to get.
 */
const MEMORY = 0.99;

export class PrefillSpeed {
  // Fading sums, so that a long prompt counts for more than a short one.
  #ms = 0;
  #tokens = 0;
  /** When the last prompt was done or, if there was none before, the first one given. */
  #since = 0;

  /** Undefined before the first prompt is done. */
  get msPerToken(): number | undefined {
    return this.#tokens === 0 ? undefined : this.#ms / this.#tokens;
  }

  /** The worker had nothing to compute, and now it has. */
  start(now: number): void {
    this.#since = now;
  }

  /** A prompt is computed. Those that share a step come at the same time, and count together. */
  done(numTokens: number, now: number): void {
    this.#ms = MEMORY * this.#ms + (now - this.#since);
    this.#tokens = MEMORY * this.#tokens + numTokens;
    this.#since = now;
  }

  /** Tokens of the running prompt that are computed by now, as far as can be told. */
  progress(now: number): number {
    const { msPerToken } = this;
    if (msPerToken === undefined) return 0;
    return msPerToken === 0 ? Number.POSITIVE_INFINITY : (now - this.#since) / msPerToken;
  }
}
