const EMPTY = Buffer.alloc(0);

/** Bytes that have arrived and were not taken. To add some costs their number, however many wait already. */
export class Inbox {
  #buffer: Buffer = EMPTY;
  #start = 0;
  #end = 0;

  get numBytes(): number {
    return this.#end - this.#start;
  }

  /** The bytes that wait. They stay as they are after they were taken. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Keeps `bytes` itself if none wait. */
  push(bytes: Buffer): void {
    if (this.numBytes === 0) {
      this.#buffer = bytes;
      this.#start = 0;
      this.#end = bytes.length;
      return;
    }
    this.#reserve(bytes.length);
    bytes.copy(this.#buffer, this.#end);
    this.#end += bytes.length;
  }

  take(numBytes: number): void {
    this.#start += numBytes;
  }

  clear(): void {
    this.#buffer = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }

  /** Bytes that were given out are never written over: a buffer that is full is left to its readers. */
  #reserve(numBytes: number): void {
    if (this.#end + numBytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe((this.numBytes + numBytes) * 2);
    this.#end = this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.#start = 0;
    this.#buffer = grown;
  }
}
