// How long a prompt takes by its length, for workers of one kind: ms = a * tokens + b * tokens^2, the second for
// attention, fitted by least squares to the prompts of all of them as they are done. Old prompts fade away.

/** Weight that the past keeps at each prompt, so that some two hundred count. */
const MEMORY = 0.995;
/** Lengths that vary by less (1 is without end) tell nothing of a curve: it is a line then. */
const LEAST_SPREAD = 0.02;

export class PrefillCurve {
  // Fading sums of powers of the tokens, and of those times the ms.
  #n2 = 0;
  #n3 = 0;
  #n4 = 0;
  #n1Ms = 0;
  #n2Ms = 0;
  #msPerToken = 0;
  #msPerSquare = 0;

  get isKnown(): boolean {
    return this.#n2 > 0;
  }

  observe(numTokens: number, ms: number): void {
    this.#n2 = MEMORY * this.#n2 + numTokens ** 2;
    this.#n3 = MEMORY * this.#n3 + numTokens ** 3;
    this.#n4 = MEMORY * this.#n4 + numTokens ** 4;
    this.#n1Ms = MEMORY * this.#n1Ms + numTokens * ms;
    this.#n2Ms = MEMORY * this.#n2Ms + numTokens ** 2 * ms;
    this.#fit();
  }

  /** The time for prompts whose tokens, and the squares of them, add up to this. Before the first observation, the tokens. */
  msOf({ numTokens, squares }: PromptSizes): number {
    if (!this.isKnown) return numTokens;
    return this.#msPerToken * numTokens + this.#msPerSquare * squares;
  }

  /** Never negative: noise may bend a curve of few lengths to either side. */
  #fit(): void {
    const determinant = this.#n2 * this.#n4 - this.#n3 ** 2;
    this.#msPerToken = this.#n1Ms / this.#n2;
    this.#msPerSquare = 0;
    if (determinant < LEAST_SPREAD * this.#n2 * this.#n4) return;
    const msPerToken = (this.#n1Ms * this.#n4 - this.#n2Ms * this.#n3) / determinant;
    const msPerSquare = (this.#n2Ms * this.#n2 - this.#n1Ms * this.#n3) / determinant;
    if (msPerToken < 0 || msPerSquare < 0) return;
    this.#msPerToken = msPerToken;
    this.#msPerSquare = msPerSquare;
  }
}

export interface PromptSizes {
  readonly numTokens: number;
  readonly squares: number;
}

export function sizesOf(numTokens: number): PromptSizes {
  return { numTokens, squares: numTokens ** 2 };
}
