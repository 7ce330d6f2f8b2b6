// A single-producer, single-consumer ring of frames in a SharedArrayBuffer.
//
//   head     how far the consumer has read       each a 32-bit counter that wraps, on a cache line of its own,
//   tail     how far the producer has published  so that the two threads do not take each other's lines
//   asleep   1: the consumer wants the bell before it looks again
//   starved  1: the producer wants the bell when there is room again
//   data     capacity bytes; a frame never wraps: where it does not fit, a marker sends the reader to the start
//
// Frames that are written become visible together, by `publish`. Budget: 64 B through a ring < 100 ns, both ends
// together, codec and bell apart (test/bench/lane.ts).

import { assert } from "../../base/assert.ts";
import { WRAP_MARKER } from "../frame.ts";

const WORDS_PER_LINE = 32; // 128 bytes: x86 prefetches lines in pairs, some ARM cores have lines of 128
const HEAD = 0;
const TAIL = WORDS_PER_LINE;
const ASLEEP = 2 * WORDS_PER_LINE;
const STARVED = 3 * WORDS_PER_LINE;
const CONTROL_WORDS = 4 * WORDS_PER_LINE;
const CONTROL_BYTES = CONTROL_WORDS * 4;

/** Memory for one direction of a lane. `capacityBytes` is a power of two. */
export function createRing(capacityBytes: number): SharedArrayBuffer {
  assert(
    capacityBytes >= 4096 && (capacityBytes & (capacityBytes - 1)) === 0,
    `a ring's capacity is a power of two of at least 4096, not ${capacityBytes}`,
  );
  return new SharedArrayBuffer(CONTROL_BYTES + capacityBytes);
}

/** The producer's end. Offsets that it gives are from the start of the buffer. */
export class RingWriter {
  /** The whole buffer, control words included, so that one set of offsets serves all views. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly capacity: number;
  #head = 0; // as last read
  #tail = 0; // what was written
  #published = 0;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory, 0, memory.byteLength);
    this.capacity = memory.byteLength - CONTROL_BYTES;
  }

  /** Bytes that were written and not yet published. */
  get unpublished(): number {
    return (this.#tail - this.#published) | 0;
  }

  /** Offset at which the next frame would begin if it were written here and now. */
  get offset(): number {
    return CONTROL_BYTES + (this.#tail & (this.capacity - 1));
  }

  /** How many bytes a frame may have at `offset`; exact only where it is less than `enough`. */
  room(enough: number): number {
    const untilEnd = this.capacity - (this.#tail & (this.capacity - 1));
    if (this.#free() < enough) this.#head = Atomics.load(this.words, HEAD);
    return Math.min(untilEnd, this.#free());
  }

  /** True if a frame of `bytes` fits; then `offset` is where, past a wrap marker if need be. */
  makeRoom(bytes: number): boolean {
    const untilEnd = this.capacity - (this.#tail & (this.capacity - 1));
    const needed = bytes <= untilEnd ? bytes : untilEnd + bytes;
    if (this.#free() < needed) {
      this.#head = Atomics.load(this.words, HEAD);
      if (this.#free() < needed) return false;
    }
    if (bytes > untilEnd) {
      this.words[this.offset >> 2] = WRAP_MARKER;
      this.#tail = (this.#tail + untilEnd) | 0;
    }
    return true;
  }

  /** The frame at `offset` is written. */
  advance(bytes: number): void {
    this.#tail = (this.#tail + bytes) | 0;
  }

  /** Makes all written frames visible. True if the consumer sleeps and is to be woken by the bell. */
  publish(): boolean {
    this.#published = this.#tail;
    Atomics.store(this.words, TAIL, this.#tail);
    return Atomics.compareExchange(this.words, ASLEEP, 1, 0) === 1;
  }

  /** Asks for the bell once there is room. To be followed by a second look, since room may just have come. */
  starve(): void {
    Atomics.store(this.words, STARVED, 1);
  }

  #free(): number {
    return this.capacity - ((this.#tail - this.#head) | 0);
  }
}

/** The consumer's end. */
export class RingReader {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly #capacity: number;
  #head = 0;
  #tail = 0; // as last read

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory, 0, memory.byteLength);
    this.#capacity = memory.byteLength - CONTROL_BYTES;
  }

  /** Offset of the next frame, or undefined if there is none. The frame is the reader's until `consume`. */
  next(): number | undefined {
    if (this.#head === this.#tail) {
      this.#tail = Atomics.load(this.words, TAIL);
      if (this.#head === this.#tail) return undefined;
    }
    const position = this.#head & (this.#capacity - 1);
    if (this.words[(CONTROL_BYTES + position) >> 2] !== WRAP_MARKER)
      return CONTROL_BYTES + position;
    this.#head = (this.#head + this.#capacity - position) | 0;
    return this.next();
  }

  hasNext(): boolean {
    return Atomics.load(this.words, TAIL) !== this.#head;
  }

  /** Done with the frame of `bytes` that `next` gave. */
  consume(bytes: number): void {
    this.#head = (this.#head + bytes) | 0;
  }

  /** Gives the consumed memory back. True if the producer waits for room and is to be woken by the bell. */
  release(): boolean {
    Atomics.store(this.words, HEAD, this.#head);
    return Atomics.compareExchange(this.words, STARVED, 1, 0) === 1;
  }

  /** Goes to sleep unless something has come. True if asleep: the bell will ring. */
  park(): boolean {
    Atomics.store(this.words, ASLEEP, 1);
    if (Atomics.load(this.words, TAIL) === this.#head) return true;
    // Something came before or while the flag went up. If the producer saw it, its bell is on the way: harmless.
    Atomics.store(this.words, ASLEEP, 0);
    return false;
  }
}
