import { PromptTooLongError } from "./prompt-too-long.ts";

export interface IdBufferOptions {
  readonly maxTokens: number;
  /** A run of this id within a section becomes one. */
  readonly fusedId?: number | undefined;
  /** Bytes of text that one token stands for at most; infinite where that is not known. */
  readonly maxTokenBytes: number;
}

/** The ids of one prompt as they come, up to the limit. */
export class IdBuffer {
  readonly #maxTokens: number;
  readonly #fusedId: number | undefined;
  readonly #maxTokenBytes: number;
  #ids = new Int32Array(64);
  #length = 0;
  #isFusing = false;

  constructor({ maxTokens, fusedId, maxTokenBytes }: IdBufferOptions) {
    this.#maxTokens = maxTokens;
    this.#fusedId = fusedId;
    this.#maxTokenBytes = maxTokenBytes;
  }

  push(id: number): void {
    if (id === this.#fusedId) {
      if (this.#isFusing) return;
      this.#isFusing = true;
    } else this.#isFusing = false;
    if (this.#length === this.#ids.length) this.#grow();
    this.#ids[this.#length++] = id;
  }

  pushAll(ids: ArrayLike<number>): void {
    for (let index = 0; index < ids.length; index++) this.push(ids[index] ?? 0);
  }

  endSection(): void {
    this.#isFusing = false;
  }

  /** Throws `PromptTooLongError` if these, and what `restBytes` of text must give at least, are too many. */
  check(restBytes: number): void {
    const numTokens = this.#length + Math.ceil(restBytes / this.#maxTokenBytes);
    if (numTokens > this.#maxTokens) throw new PromptTooLongError(numTokens, this.#maxTokens);
  }

  take(): Int32Array {
    return this.#ids.slice(0, this.#length);
  }

  #grow(): void {
    const ids = new Int32Array(2 * this.#length);
    ids.set(this.#ids);
    this.#ids = ids;
  }
}
