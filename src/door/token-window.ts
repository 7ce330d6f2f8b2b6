// Tokens of the last minute, in slots of a quarter of a second, so that a minute is no fixed one of the calendar.

const WINDOW_MS = 60_000;
const SLOT_MS = 250;

interface Slot {
  readonly begin: number;
  numTokens: number;
}

export class TokenWindow {
  /** The oldest first. */
  readonly #slots: Slot[] = [];
  #total = 0;

  add(numTokens: number, now: number): void {
    const begin = Math.floor(now / SLOT_MS) * SLOT_MS;
    const last = this.#slots.at(-1);
    if (last?.begin === begin) last.numTokens += numTokens;
    else this.#slots.push({ begin, numTokens });
    this.#total += numTokens;
  }

  total(now: number): number {
    for (
      let [first] = this.#slots;
      first && first.begin + WINDOW_MS <= now;
      [first] = this.#slots
    ) {
      this.#slots.shift();
      this.#total -= first.numTokens;
    }
    return this.#total;
  }

  /** Milliseconds until the total is `most` at most, if nothing is added. */
  msUntil(most: number, now: number): number {
    let total = this.total(now);
    for (const { begin, numTokens } of this.#slots) {
      if (total <= most) break;
      total -= numTokens;
      if (total <= most) return begin + WINDOW_MS - now;
    }
    return 0;
  }
}
