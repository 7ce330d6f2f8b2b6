// Arena for frames that are larger than a slot of the ring: a second ring of bytes, one per direction, that grows
// when it is first needed and is taken and freed in order. The ring carries where a frame lies (../frame.ts).
//
// The memory is one growable SharedArrayBuffer: reserved at open, backed by pages only as far as it has grown.
// It grows only while no frame is in it, so positions never move under a reader.

import { assert } from "../../base/assert.ts";
import { align8 } from "../frame.ts";

const CONTROL_BYTES = 128; // word 0: how far the reader has freed
const MIN_CAPACITY = 256 * 1024;
/** The largest frame that a lane carries. */
export const MAX_FRAME_BYTES = 63 * 1024 * 1024;
const MAX_CAPACITY = 64 * 1024 * 1024;

export function createArena(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES, { maxByteLength: CONTROL_BYTES + MAX_CAPACITY });
}

export interface ArenaPlace {
  readonly offset: number;
  /** To be handed to `ArenaReader.free` once the bytes were read. */
  readonly usedUntil: number;
}

export class ArenaWriter {
  readonly #memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  #tail = 0; // a 32-bit counter like the ring's

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
  }

  /** Copies `frame` in, or returns undefined while there is no room. */
  write(frame: Uint8Array): ArenaPlace | undefined {
    const bytes = align8(frame.byteLength);
    assert(frame.byteLength <= MAX_FRAME_BYTES, "a frame larger than the arena reached it");
    if (this.#isEmpty()) this.#startOver(bytes);

    const capacity = this.#capacity();
    const position = this.#tail & (capacity - 1);
    const skipped = bytes <= capacity - position ? 0 : capacity - position;
    const used = (this.#tail - Atomics.load(this.#control, 0)) | 0;
    if (capacity - used < skipped + bytes) return undefined;

    const offset = CONTROL_BYTES + (skipped === 0 ? position : 0);
    new Uint8Array(this.#memory, offset, frame.byteLength).set(frame);
    this.#tail = (this.#tail + skipped + bytes) | 0;
    return { offset, usedUntil: this.#tail };
  }

  #isEmpty(): boolean {
    return Atomics.load(this.#control, 0) === this.#tail;
  }

  #capacity(): number {
    return this.#memory.byteLength - CONTROL_BYTES;
  }

  /**
   * Nothing lies here, so the reader will not touch its mark and the producer may set it. From the start, a frame
   * that the arena can hold at all has room.
   */
  #startOver(bytes: number): void {
    let capacity = Math.max(MIN_CAPACITY, this.#capacity());
    while (capacity < bytes) capacity *= 2;
    if (capacity > this.#capacity()) this.#memory.grow(CONTROL_BYTES + capacity);
    this.#tail = 0;
    Atomics.store(this.#control, 0, 0);
  }
}

export class ArenaReader {
  readonly #memory: SharedArrayBuffer;
  readonly #control: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
  }

  /** The frame's bytes, valid until `free`. */
  view(offset: number, bytes: number): Buffer<SharedArrayBuffer> {
    return Buffer.from(this.#memory, offset, bytes);
  }

  free(usedUntil: number): void {
    Atomics.store(this.#control, 0, usedUntil);
  }
}
