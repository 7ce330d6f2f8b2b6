// The values that a GGUF header is made of, little-endian, one after the other.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
//
// No length is believed: each is compared with the bytes that the file has before anything is made of it.

import { isUtf8 } from "node:buffer";

import { cutShort } from "./file-bytes.ts";
import { ModelError } from "./model-files.ts";

/** The bytes at hand are a part of the header only: `numBytes` from the file's start are needed. */
export class MoreBytesNeeded extends Error {
  readonly numBytes: number;

  constructor(numBytes: number) {
    super(`${numBytes} bytes needed`);
    this.numBytes = numBytes;
  }
}

/** A scalar, a text, or a list of either. */
export type GgufValue = number | boolean | string | GgufList;

/** A list is decoded when it is asked for, whole or item by item: vocabularies are long, and most readers need none. */
export interface GgufList {
  readonly length: number;
  readonly items: "integers" | "strings" | "others";
  /** Item at an index within the list. */
  at(index: number): number | boolean | string;
  decode(): readonly (number | boolean | string)[];
}

interface Kind {
  readonly numBytes: number;
  read(view: DataView, at: number): number | boolean;
}

// No key has a use for 64-bit numbers beyond 2^53; there, `Number` gives one that no range check admits.
const SCALARS: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [0, { numBytes: 1, read: (view, at) => view.getUint8(at) }],
  [1, { numBytes: 1, read: (view, at) => view.getInt8(at) }],
  [2, { numBytes: 2, read: (view, at) => view.getUint16(at, true) }],
  [3, { numBytes: 2, read: (view, at) => view.getInt16(at, true) }],
  [4, { numBytes: 4, read: (view, at) => view.getUint32(at, true) }],
  [5, { numBytes: 4, read: (view, at) => view.getInt32(at, true) }],
  [6, { numBytes: 4, read: (view, at) => view.getFloat32(at, true) }],
  [7, { numBytes: 1, read: (view, at) => view.getUint8(at) !== 0 }],
  [10, { numBytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) }],
  [11, { numBytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) }],
  [12, { numBytes: 8, read: (view, at) => view.getFloat64(at, true) }],
]);
/** The types whose values are whole numbers. */
const INTEGERS: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 10, 11]);
const STRING = 8;
const LIST = 9;

const LENGTH_BYTES = 8;

export class GgufReader {
  readonly #path: string;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #fileSize: number;
  #at = 0;

  /** `bytes` is the start of a file that has `fileSize` bytes. */
  constructor(path: string, bytes: Uint8Array, fileSize: number) {
    this.#path = path;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#fileSize = fileSize;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Beyond 2^53 the value is rounded, and larger than any file. */
  u64(): number {
    const at = this.#take(8);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** A number of things that take at least `minBytes` each, so the file bounds it. */
  count(what: string, minBytes: number): number {
    const count = this.u64();
    const numLeft = this.#fileSize - this.#at;
    if (count * minBytes <= numLeft) return count;
    throw new ModelError(
      `${this.#path} says that it has ${count} ${what}, with ${numLeft} bytes left to hold them; ` +
        "the file is damaged or cut short",
    );
  }

  string(what: string): string {
    const numBytes = this.count(`bytes in ${what}`, 1);
    const start = this.#take(numBytes);
    return this.#text(start, numBytes, what);
  }

  /** A value, which comes after its type. `key` is its key as an error message shows it. */
  value(key: string): GgufValue {
    const type = this.u32();
    if (type === STRING) return this.string(key);
    if (type === LIST) return this.#list(key);
    const kind = this.#kindOf(type, key);
    return kind.read(this.#view, this.#take(kind.numBytes));
  }

  #list(key: string): GgufList {
    const type = this.u32();
    if (type === STRING) return this.#strings(key);
    const { numBytes, read } = this.#kindOf(type, key);
    const count = this.count(`items in ${key}`, numBytes);
    const start = this.#take(count * numBytes);
    const view = this.#view;
    const at = (index: number) => read(view, start + index * numBytes);
    return {
      length: count,
      items: INTEGERS.has(type) ? "integers" : "others",
      at,
      decode: () => Array.from({ length: count }, (_, index) => at(index)),
    };
  }

  /** Finds where each string begins, and checks that it ends within the file; 70 ns each. */
  #strings(key: string): GgufList {
    const count = this.count(`items in ${key}`, LENGTH_BYTES);
    const starts = new Uint32Array(count);
    const view = this.#view;
    const last = view.byteLength - LENGTH_BYTES;
    let at = this.#at;
    for (let index = 0; index < count; index++) {
      // In whole numbers of 31 bits all the way: what is larger is beyond any header.
      const numBytes =
        at <= last && view.getInt32(at + 4, true) === 0 ? view.getInt32(at, true) : -1;
      if (numBytes < 0 || numBytes > last - at) {
        this.#at = at;
        this.#take(this.count(`bytes in ${key}`, 1)); // says what is wrong
      }
      starts[index] = at;
      at += LENGTH_BYTES + numBytes;
    }
    this.#at = at;
    const textAt = (index: number) => {
      const start = starts[index] ?? 0;
      return this.#text(start + LENGTH_BYTES, view.getUint32(start, true), key);
    };
    return {
      length: count,
      items: "strings",
      at: textAt,
      decode: () => Array.from(starts, (_, index) => textAt(index)),
    };
  }

  /** 100 ns a token. */
  #text(start: number, numBytes: number, what: string): string {
    const end = start + numBytes;
    const text = this.#bytes.toString("utf8", start, end);
    // The mark of a decoding error may also be what the text says.
    if (!text.includes("\ufffd") || isUtf8(this.#bytes.subarray(start, end))) return text;
    throw new ModelError(`${this.#path}: ${what} is not valid UTF-8`);
  }

  #kindOf(type: number, key: string): Kind {
    const kind = SCALARS.get(type);
    if (kind !== undefined) return kind;
    const what = type === LIST ? "a list of lists" : `of type ${type}`;
    throw new ModelError(`${this.#path}: ${key} is ${what}, which is not supported`);
  }

  /** The position of the next `numBytes`, which become read. */
  #take(numBytes: number): number {
    const at = this.#at;
    const end = at + numBytes;
    if (end > this.#fileSize) throw cutShort(this.#path, end, this.#fileSize);
    if (end > this.#bytes.length) throw new MoreBytesNeeded(end);
    this.#at = end;
    return at;
  }
}
