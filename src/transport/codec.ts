// Bodies of envelopes: msgpack by msgpackr, packed straight into the ring.
//
// - Records. A shape of object is announced once per lane and then named by one byte; in Bun that reads ten times
//   faster than maps with their keys. So both ends see the same bodies in the same order. If packing throws
//   half-way, the packer starts afresh and the next frame tells the reader to do the same (RESET_FLAG).
// - Typed arrays are not packed. The body holds their type and length; their bytes follow it, aligned to 8, and
//   are copied once when they are read, so that no view on a ring outlives its slot.
//
// The plain JavaScript of msgpackr is used ("msgpackr/pack"), not its native addon.

import { addExtension, Packr, REUSE_BUFFER_MODE } from "msgpackr/pack";

import { assert } from "../base/assert.ts";
import { align8, HEADER_BYTES } from "./frame.ts";

/** Most bodies have no attachments. Never written to. */
const NONE: Uint8Array[] = [];

function createPackr(): Packr {
  // Record ids are 64 to 127; the 65th shape takes the place of the oldest. msgpackr writes into the options
  // that it is given, so each gets its own.
  return new Packr({ sequential: true, moreTypes: true, maxOwnStructures: 64 });
}

/** msgpackr marks where it packed on the buffer itself. */
type MarkedBuffer = Buffer & { start: number; end: number };

/** The sender's end of a lane's codec. Its fields hold what `pack` made until the next one. */
export class BodyPacker {
  /** The buffer that was given if the body fitted there, another one if it grew too large. */
  source: Buffer = Buffer.alloc(0);
  start = 0;
  /** Bytes of the body, without its attachments. */
  length = 0;
  /** Bytes that follow the body, in order. */
  attachments: readonly Uint8Array[] = NONE;
  /** Length of the whole frame: header, body and attachments, each padded to 8. */
  frameBytes = 0;
  #packr = createPackr();
  #mustReset = false;

  /** Packs `value` into `target` at `position`, a multiple of 8. */
  pack(value: unknown, target: Buffer, position: number): void {
    assert(!isPacking, "a message was sent while another was being packed: by a getter or toJSON?");
    isPacking = true;
    outgoing = NONE;
    try {
      // msgpackr keeps the buffer and the position in variables of its module, so they are set each time.
      this.#packr.useBuffer(target);
      this.#packr.position = position;
      const source = this.#packr.pack(value, REUSE_BUFFER_MODE) as MarkedBuffer;
      this.source = source;
      this.start = source.start;
      this.length = source.end - source.start;
      this.attachments = outgoing;
      this.frameBytes = HEADER_BYTES + align8(this.length) + paddedBytes(outgoing);
    } catch (error) {
      this.reset();
      throw error;
    } finally {
      isPacking = false;
    }
  }

  /** Forgets all shapes: the reader did not get, or will not get, the last body. */
  reset(): void {
    this.#packr = createPackr();
    this.#mustReset = true;
  }

  /** True if the frame that is about to go out must bear RESET_FLAG. */
  takeReset(): boolean {
    const mustReset = this.#mustReset;
    this.#mustReset = false;
    return mustReset;
  }
}

/** The receiver's end. */
export class BodyReader {
  #packr = createPackr();
  readonly #range = { start: 0, end: 0 };

  reset(): void {
    this.#packr = createPackr();
  }

  /** Reads the body of `length` bytes at `start`, a multiple of 8, and copies all that it refers to. */
  read(source: Buffer, start: number, length: number): unknown {
    incomingSource = source;
    incomingOffset = start + align8(length);
    this.#range.start = start;
    this.#range.end = start + length;
    return this.#packr.unpack(source, this.#range);
  }
}

// msgpackr's extensions are module-wide and packing is synchronous, so what they work on is here.
let isPacking = false;
let outgoing: Uint8Array[] = NONE;
let incomingSource: Uint8Array = new Uint8Array(0);
let incomingOffset = 0;

const TYPED_ARRAYS = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;
const ARRAY_BUFFER_KIND = 15;

type AnyTypedArray = InstanceType<(typeof TYPED_ARRAYS)[number]>;

addExtension({
  Class: Object.getPrototypeOf(Uint8Array) as typeof Uint8Array, // the parent of all typed arrays
  type: 1,
  write: (array: AnyTypedArray) => {
    const kind = TYPED_ARRAYS.findIndex((type) => array instanceof type);
    assert(kind >= 0, `${array.constructor.name} cannot travel: convert it`);
    return attach(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), kind);
  },
  read: detach,
});

addExtension({
  Class: ArrayBuffer,
  type: 2,
  write: (buffer: ArrayBuffer) => attach(new Uint8Array(buffer), ARRAY_BUFFER_KIND),
  read: detach,
});

/** Placeholder in the body for an attachment: its length and kind. */
function attach(bytes: Uint8Array, kind: number): number {
  if (outgoing === NONE) outgoing = [];
  outgoing.push(bytes);
  return bytes.byteLength * 16 + kind;
}

function detach(mark: number): AnyTypedArray | ArrayBuffer {
  const kind = mark % 16;
  const bytes = (mark - kind) / 16;
  const buffer = new ArrayBuffer(bytes);
  new Uint8Array(buffer).set(incomingSource.subarray(incomingOffset, incomingOffset + bytes));
  incomingOffset += align8(bytes);
  const type = TYPED_ARRAYS[kind];
  return type === undefined ? buffer : new type(buffer);
}

function paddedBytes(attachments: readonly Uint8Array[]): number {
  if (attachments === NONE) return 0;
  let bytes = 0;
  for (const attachment of attachments) bytes += align8(attachment.byteLength);
  return bytes;
}
