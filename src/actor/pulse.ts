// A thread's signs of life, in memory that it shares with the main thread: a count of answered pings and begun calls,
// and the endpoint that it last began or resumed. They can be read while the thread hangs.
//
// Answered pings alone would not do: a port hands over all that has come before the event loop turns, so a thread whose
// callers ask again at once may work for long without seeing a ping (seen on a busy machine with calls of 0.6 s).

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

  /** The event loop turns: answers a ping. */
  beat(): void {
    this.#words[BEATS] = ((this.#words[BEATS] ?? 0) + 1) | 0; // the thread is its only writer
  }

  // Per call and per item of a stream: see docs/decisions/0015 for what it costs.
  /** Begins or resumes a call. */
  enter(endpoint: string): void {
    this.beat();
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
