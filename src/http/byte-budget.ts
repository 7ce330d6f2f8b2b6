import { assert } from "../base/assert.ts";

/** Bytes that several readers share. */
export class ByteBudget {
  readonly #maxBytes: number;
  #numBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are acquired and not released. */
  get numBytes(): number {
    return this.#numBytes;
  }

  canAcquire(numBytes: number): boolean {
    return this.#numBytes + numBytes <= this.#maxBytes;
  }

  acquire(numBytes: number): void {
    assert(this.canAcquire(numBytes), "more bytes are acquired than the budget has");
    this.#numBytes += numBytes;
  }

  release(numBytes: number): void {
    assert(numBytes <= this.#numBytes, "more bytes are released than were acquired");
    this.#numBytes -= numBytes;
  }
}
