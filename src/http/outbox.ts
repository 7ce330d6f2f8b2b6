// Bytes for a client that the kernel has not taken yet.

/** The part of a socket that is written to. */
export interface ByteSink {
  /** Takes what fits and returns how many bytes that were; -1 when it is closed. */
  write(bytes: string | Buffer): number;
}

export class Outbox {
  readonly #socket: ByteSink;
  #unsent: Buffer = EMPTY;
  #drained: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  constructor(socket: ByteSink) {
    this.#socket = socket;
  }

  /** Bytes wait here: the client does not read as fast as it is written to. */
  get isBehind(): boolean {
    return this.#unsent.length > 0;
  }

  write(text: string): void {
    if (this.#isClosed) return;
    if (this.isBehind) {
      this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text)]);
      return;
    }
    const numSent = this.#socket.write(text);
    if (numSent < Buffer.byteLength(text))
      this.#unsent = Buffer.from(text).subarray(Math.max(0, numSent));
  }

  /** Resolves when all has been sent, or never will be. */
  drained(): Promise<void> {
    if (!this.isBehind || this.#isClosed) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  /** The socket takes more. */
  flush(): void {
    if (this.isBehind) {
      const numSent = this.#socket.write(this.#unsent);
      this.#unsent = this.#unsent.subarray(Math.max(0, numSent));
    }
    if (!this.isBehind) this.#settle();
  }

  /** The client is gone. */
  close(): void {
    this.#isClosed = true;
    this.#unsent = EMPTY;
    this.#settle();
  }

  #settle(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

const EMPTY = Buffer.alloc(0);
