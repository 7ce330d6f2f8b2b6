// Room for texts that wait. A tenant has a quarter of it at most, so that one leaves room for the others; a text alone may
// be larger.

const MAX_SHARE = 1 / 4;

export interface TextAmount {
  readonly numTexts: number;
  readonly numChars: number;
}

export class TenantRoom {
  readonly #max: TextAmount;
  readonly #taken = new Map<number, TextAmount>();
  #total: TextAmount = NOTHING;

  constructor(max: TextAmount) {
    this.#max = max;
  }

  /** Takes room for one text more, which the caller releases. False if there is none. */
  tryTake(tenant: number, numChars: number): boolean {
    const before = this.#taken.get(tenant);
    const taken = plus(before ?? NOTHING, 1, numChars);
    const total = plus(this.#total, 1, numChars);
    if (before !== undefined && !fits(taken, this.#max, MAX_SHARE)) return false;
    if (!fits(total, this.#max, 1)) return false;
    this.#taken.set(tenant, taken);
    this.#total = total;
    return true;
  }

  release(tenant: number, numChars: number): void {
    const taken = plus(this.#taken.get(tenant) ?? NOTHING, -1, -numChars);
    if (taken.numTexts > 0) this.#taken.set(tenant, taken);
    else this.#taken.delete(tenant);
    this.#total = plus(this.#total, -1, -numChars);
  }
}

const NOTHING: TextAmount = { numTexts: 0, numChars: 0 };

function plus(amount: TextAmount, numTexts: number, numChars: number): TextAmount {
  return { numTexts: amount.numTexts + numTexts, numChars: amount.numChars + numChars };
}

function fits(amount: TextAmount, max: TextAmount, share: number): boolean {
  return amount.numTexts <= max.numTexts * share && amount.numChars <= max.numChars * share;
}
