// How many prompt tokens a step may compute, by time and not by count, since a token costs a microsecond
// in a toy model and ten milliseconds in a large one. A step that only prefills is short enough that an abort
// or a new request is noticed soon. One in which others decode takes at most STEP_RATIO times what decoding
// alone takes, so that a reader does not see the prompt arrive.
//
// Both speeds are measured, apart: beside decodes a token costs less (the weights are read in any case) or
// more (few tokens fill a kernel badly).

/** A step that only prefills: an abort or a new request waits about this long. */
const PREFILL_ONLY_MS = 500;
/**
 * A step with decodes, in units of one without prompts. Streams may see 2.5; steps without prompts already have a
 * p99 of 1.5 times their p50 where the machine has other work.
 */
const STEP_RATIO = 1.6;
/** The same where more prompts wait than sequences decode: then most of those who wait do so for a first token. */
const MAX_STEP_RATIO = 2.3;
/** The first chunk of all, when nothing has been measured. */
const PROBE_TOKENS = 64;
/** Minimum tokens per step, so that a slow model still makes progress. */
const MIN_CHUNK_TOKENS = 4;
/** The first chunk beside decodes, at most. */
const FIRST_CHUNK_TOKENS = 32;
/** One quick measurement may be luck: a chunk is at most so much larger than the one before. */
const MAX_GROWTH = 2;
/** Beside decodes a token is at first taken to cost so much more than alone. */
const UNKNOWN_FACTOR = 2;
/** Steps with prompts after which decodes run once without, to know what they take by now. */
const MAX_STEPS_UNMEASURED = 64;

/** Weight that the past keeps at each new measurement. */
const PREFILL_MEMORY = 0.5;
/** Median of so many steps, for decodes: one slow step may be the machine's. */
const DECODES_REMEMBERED = 5;
/** By this the quickest step is forgotten with each that follows. */
const QUICKEST_GROWTH = 1.002;

export interface StepTiming {
  /** Sequences that decoded. */
  readonly numDecodes: number;
  /** Tokens of all others. */
  readonly numPrefillTokens: number;
  readonly elapsedMs: number;
}

export class PrefillPacer {
  readonly #minAddedMs: number;
  readonly #alone = new TokenCost();
  readonly #beside = new TokenCost();
  /** The largest chunk that the last one beside decodes allows. */
  #ceiling = FIRST_CHUNK_TOKENS;
  /** Steps with decodes only, the last ones. */
  #decodeTimes: number[] = [];
  #quickestDecodeMs: number | undefined;
  #numDecodesMeasured = 0;
  #numStepsUnmeasured = 0;

  /** `minAddedMs`: what prompts may always add to a step with decodes, for models whose chunks have a fixed cost. */
  constructor({ minAddedMs = 0 }: { readonly minAddedMs?: number | undefined } = {}) {
    this.#minAddedMs = minAddedMs;
  }

  /**
   * Time of the quickest step with decodes only lately, and so of one that waits for no other on the
   * device; undefined before the first.
   */
  get decodeMs(): number | undefined {
    return this.#quickestDecodeMs;
  }

  /**
   * 0 where decodes have to run alone once, so that it is known what they take; else at least 1. `numPrompts` is how
   * many have begun or might begin.
   */
  maxPrefillTokens(numDecodes: number, numPrompts: number): number {
    if (numDecodes === 0) {
      const { msPerToken } = this.#alone;
      if (msPerToken === undefined) return PROBE_TOKENS;
      return Math.max(MIN_CHUNK_TOKENS, Math.floor(PREFILL_ONLY_MS / msPerToken));
    }
    if (this.#decodeMs === undefined || this.#isUnmeasured || this.#areOthers(numDecodes)) return 0;
    const byWaiting = (STEP_RATIO - 1) * Math.max(1, numPrompts / numDecodes);
    const addedRatio = Math.min(byWaiting, MAX_STEP_RATIO - 1);
    const addedMs = Math.max(addedRatio * this.#decodeMs, this.#minAddedMs);
    const msPerToken =
      this.#beside.msPerToken ?? UNKNOWN_FACTOR * (this.#alone.msPerToken ?? Infinity);
    const byTime = msPerToken === 0 ? Infinity : Math.floor(addedMs / msPerToken);
    return Math.max(MIN_CHUNK_TOKENS, Math.min(byTime, this.#ceiling));
  }

  observe({ numDecodes, numPrefillTokens, elapsedMs }: StepTiming): void {
    if (numPrefillTokens === 0) this.#observeDecodes(numDecodes, elapsedMs);
    else if (numDecodes === 0) this.#alone.observe(numPrefillTokens, elapsedMs);
    else {
      this.#numStepsUnmeasured += 1;
      this.#beside.observe(numPrefillTokens, elapsedMs - (this.#decodeMs ?? 0));
      this.#ceiling = MAX_GROWTH * Math.max(numPrefillTokens, MIN_CHUNK_TOKENS);
    }
  }

  #observeDecodes(numDecodes: number, elapsedMs: number): void {
    if (this.#areOthers(numDecodes)) this.#decodeTimes = [];
    this.#decodeTimes.push(elapsedMs);
    if (this.#decodeTimes.length > DECODES_REMEMBERED) this.#decodeTimes.shift();
    const grown = (this.#quickestDecodeMs ?? Number.POSITIVE_INFINITY) * QUICKEST_GROWTH;
    this.#quickestDecodeMs = Math.min(elapsedMs, grown);
    this.#numDecodesMeasured = numDecodes;
    this.#numStepsUnmeasured = 0;
  }

  /** Time of a step with decodes only; undefined before the first. */
  get #decodeMs(): number | undefined {
    const sorted = this.#decodeTimes.toSorted((a, b) => a - b);
    return sorted[(sorted.length - 1) >> 1];
  }

  get #isUnmeasured(): boolean {
    return this.#numStepsUnmeasured >= MAX_STEPS_UNMEASURED;
  }

  /** True if so many decodes are no longer those that were measured. */
  #areOthers(numDecodes: number): boolean {
    const measured = this.#numDecodesMeasured;
    return numDecodes > 2 * measured || measured > 2 * numDecodes;
  }
}

/** A fading sum of times and of tokens, so that a large chunk counts for more than a small one. */
class TokenCost {
  #ms = 0;
  #tokens = 0;

  get msPerToken(): number | undefined {
    return this.#tokens === 0 ? undefined : this.#ms / this.#tokens;
  }

  observe(numTokens: number, ms: number): void {
    this.#ms = PREFILL_MEMORY * this.#ms + Math.max(0, ms);
    this.#tokens = PREFILL_MEMORY * this.#tokens + numTokens;
  }
}
