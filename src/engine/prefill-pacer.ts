// How many prompt tokens a step may compute, by time and not by count, since a token costs a microsecond
// in a toy model and ten milliseconds in a large one. It keeps a step short enough that whoever
// decodes beside it does not stutter, and that an abort is noticed soon.

/** A step that only prefills: an abort or a new request waits about this long. */
const PREFILL_ONLY_MS = 500;
/** What prefilling may always add to a step in which others decode: short for whoever reads. */
const MIN_ADDED_MS = 50;
/** The first chunk of all, when nothing has been measured. */
const PROBE_TOKENS = 64;
/** However slow the model, a prompt gets on by this. */
const MIN_CHUNK_TOKENS = 16;

/** Weight that the past keeps at each new measurement. */
const PREFILL_MEMORY = 0.5;
const DECODE_MEMORY = 0.8;

export interface StepTiming {
  /** Sequences that computed one token. */
  readonly numDecodes: number;
  /** Tokens of all others. */
  readonly numPrefillTokens: number;
  readonly elapsedMs: number;
}

export class PrefillPacer {
  // A fading sum of each, so that a large chunk counts for more than a small one.
  #prefillMs = 0;
  #prefillTokens = 0;
  #decodeStepMs = 0;

  /** At least 1. Beside decodes the step takes up to twice as long as without, or 50 ms more. */
  maxPrefillTokens(numDecodes: number): number {
    if (this.#prefillTokens === 0) return PROBE_TOKENS;
    const boundMs = numDecodes > 0 ? Math.max(this.#decodeStepMs, MIN_ADDED_MS) : PREFILL_ONLY_MS;
    const tokensPerMs = this.#prefillTokens / this.#prefillMs; // Infinity by a clock that stands still
    return Math.max(MIN_CHUNK_TOKENS, Math.floor(boundMs * tokensPerMs));
  }

  observe({ numDecodes, numPrefillTokens, elapsedMs }: StepTiming): void {
    if (numPrefillTokens === 0) {
      const isFirst = this.#decodeStepMs === 0;
      const past = isFirst ? elapsedMs : this.#decodeStepMs;
      this.#decodeStepMs = DECODE_MEMORY * past + (1 - DECODE_MEMORY) * elapsedMs;
      return;
    }
    const decodeMs = numDecodes > 0 ? this.#decodeStepMs : 0;
    this.#prefillMs = PREFILL_MEMORY * this.#prefillMs + Math.max(0, elapsedMs - decodeMs);
    this.#prefillTokens = PREFILL_MEMORY * this.#prefillTokens + numPrefillTokens;
  }
}
