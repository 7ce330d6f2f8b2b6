// Decides if a receiver that has read everything looks again for a moment before it goes to sleep. A wake-up costs 5 to
// 30 µs, so where the peer answers at once a short look is several times faster; where it does not, the look is wasted.
// So it adapts to what its lane does, and the switchboard allows it only while there are cores to spare.

// About 20 µs: reading a flag that no thread writes takes a few nanoseconds.
const MAX_LOOKS = 4000;
const MAX_MISSES = 4;
// After that many misses in a row only one occasion in so many is tried.
const PROBE_EVERY = 64;

export class Spin {
  readonly #isAllowed: boolean;
  #misses = 0;
  #skipped = 0;

  constructor(allowed: "allowed" | "forbidden") {
    this.#isAllowed = allowed === "allowed";
  }

  /** Asked once each time that the receiver has nothing left to read. */
  isWorthIt(): boolean {
    if (!this.#isAllowed) return false;
    if (this.#misses < MAX_MISSES) return true;
    this.#skipped = (this.#skipped + 1) % PROBE_EVERY;
    return this.#skipped === 0;
  }

  /** Looks until `isReady`, for a moment at most. */
  until(isReady: () => boolean): boolean {
    for (let look = 0; look < MAX_LOOKS; look++) {
      if (isReady()) {
        this.#misses = 0;
        return true;
      }
    }
    this.#misses++;
    return false;
  }
}
