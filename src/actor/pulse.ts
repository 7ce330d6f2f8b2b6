// What a thread shows of its life to the main thread, in memory that both see: the number of pings that it has answered,
// and the endpoint that it last began or resumed. A thread that hangs can still be read.

/** Push to a thread, without a body: answer by a beat. */
export const BEAT = "beat";

const BEATS = 0;
const NAME_LENGTH = 1;
const NAME_OFFSET = 8;
const MAX_NAME_BYTES = 120;

export function createPulse(): SharedArrayBuffer {
  return new SharedArrayBuffer(NAME_OFFSET + MAX_NAME_BYTES);
}

/** The thread's side. */
export class PulseWriter {
  readonly #words: Int32Array;
  readonly #name: Uint8Array;
  readonly #encoder = new TextEncoder();
  #endpoint = "";

  constructor(pulse: SharedArrayBuffer) {
    this.#words = new Int32Array(pulse, 0, 2);
    this.#name = new Uint8Array(pulse, NAME_OFFSET);
  }

  /** Answers a ping. */
  beat(): void {
    Atomics.add(this.#words, BEATS, 1);
  }

  // Per call and per item of a stream: 2 ns where the endpoint is the last one, else 50 ns.
  enter(endpoint: string): void {
    if (endpoint === this.#endpoint) return;
    this.#endpoint = endpoint;
    const { written } = this.#encoder.encodeInto(endpoint, this.#name);
    Atomics.store(this.#words, NAME_LENGTH, written);
  }
}

/** The main thread's side. */
export class PulseReader {
  readonly #words: Int32Array;
  readonly #name: Uint8Array;

  constructor(pulse: SharedArrayBuffer) {
    this.#words = new Int32Array(pulse, 0, 2);
    this.#name = new Uint8Array(pulse, NAME_OFFSET);
  }

  get beats(): number {
    return Atomics.load(this.#words, BEATS);
  }

  /** The endpoint that the thread last began or resumed; undefined before the first. For people. */
  get endpoint(): string | undefined {
    const length = Atomics.load(this.#words, NAME_LENGTH);
    return length === 0 ? undefined : new TextDecoder().decode(this.#name.slice(0, length));
  }
}
