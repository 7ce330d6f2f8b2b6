// How often a sequence that had its turn gives its seat to another tenant's. Its lost K and V are computed again, so turns
// may take a fiftieth of the time; else a crowd of clients, each with a sequence, would have the engine compute
// the same tokens again and again.

const SHARE = 1 / 50;
/** Weight of the newest measurement. */
const NEWEST = 1 / 8;

export class TurnBudget {
  #costMs: number | undefined;
  #nextAt = Number.NEGATIVE_INFINITY;

  /** A step with decodes took `addedMs` more than one without prompts: about what a sequence costs that begins again. */
  observe(addedMs: number): void {
    const cost = Math.max(0, addedMs);
    this.#costMs =
      this.#costMs === undefined ? cost : this.#costMs + NEWEST * (cost - this.#costMs);
  }

  /** True if there is room for a turn now, which then is taken. */
  tryTake(now: number): boolean {
    if (now < this.#nextAt) return false;
    this.#nextAt = now + (this.#costMs ?? 0) / SHARE;
    return true;
  }
}
