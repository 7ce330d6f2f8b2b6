// Writes GGUF files, right ones and wrong ones. Format: see src/model/gguf-header.ts.

import { DTYPES, isDType } from "../../src/model/dtype.ts";
import { GGML_TYPES } from "../../src/model/ggml-types.ts";
import type { TensorSource } from "./safetensors-writer.ts";

/** A whole number becomes u32, another f32, a bigint u64; a typed array a list of its type. */
export type MetadataValue =
  | string
  | boolean
  | number
  | bigint
  | F32
  | readonly string[]
  | readonly boolean[]
  | Int32Array
  | Uint32Array
  | Float32Array;

export type GgufMetadata = Readonly<Record<string, MetadataValue>>;

/** A whole number that is to be stored as f32. */
export class F32 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A tensor's entry in the header. `shape` is row-major; the file has it turned. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly (number | bigint)[];
  readonly type: number;
  readonly offset: number;
}

export interface HeaderOptions {
  readonly version?: number;
  /** Untrue numbers of the header. */
  readonly numKeys?: number | bigint;
  readonly numTensors?: number | bigint;
}

const VALUE_TYPES = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, list: 9, u64: 10 } as const;

export const ALIGNMENT = 32;

/** A whole file with these tensors, laid out in the order given. */
export function ggufFile(
  metadata: GgufMetadata,
  tensors: Readonly<Record<string, TensorSource>>,
  alignment = ALIGNMENT,
): Uint8Array {
  let offset = 0;
  const entries: TensorEntry[] = [];
  const data: Uint8Array[] = [];
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    entries.push({ name, shape, type: ggmlType(dtype), offset });
    const padded = new Uint8Array(alignUp(bytes.length, alignment));
    padded.set(bytes);
    data.push(padded);
    offset += padded.length;
  }
  const header = ggufHeader(metadata, entries);
  const padding = new Uint8Array(alignUp(header.length, alignment) - header.length);
  return Buffer.concat([header, padding, ...data]);
}

/** The header alone, without the padding up to the tensors' bytes. */
export function ggufHeader(
  metadata: GgufMetadata,
  tensors: readonly TensorEntry[],
  { version = 3, ...counts }: HeaderOptions = {},
): Uint8Array {
  const keys = Object.entries(metadata);
  const out = new ByteWriter();
  out.raw(Buffer.from("GGUF"));
  out.u32(version);
  out.u64(counts.numTensors ?? tensors.length);
  out.u64(counts.numKeys ?? keys.length);
  for (const [key, value] of keys) {
    out.string(key);
    writeValue(out, value);
  }
  for (const { name, shape, type, offset } of tensors) {
    out.string(name);
    out.u32(shape.length);
    for (const size of shape.toReversed()) out.u64(size);
    out.u32(type);
    out.u64(offset);
  }
  return out.bytes();
}

export function ggmlType(dtype: string): number {
  for (const [id, { name }] of GGML_TYPES) if (name === dtype) return id;
  throw new Error(`no GGUF type ${dtype}`);
}

/** Bytes that a tensor takes. */
export function tensorBytes(dtype: string, shape: readonly number[]): number {
  if (!isDType(dtype)) throw new Error(`no type ${dtype}`);
  const { blockSize, blockBytes } = DTYPES[dtype];
  return (shape.reduce((product, size) => product * size, 1) / blockSize) * blockBytes;
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function writeValue(out: ByteWriter, value: MetadataValue): void {
  if (typeof value === "string") {
    out.u32(VALUE_TYPES.string);
    out.string(value);
  } else if (typeof value === "boolean") {
    out.u32(VALUE_TYPES.bool);
    out.raw(Uint8Array.of(value ? 1 : 0));
  } else if (typeof value === "bigint") {
    out.u32(VALUE_TYPES.u64);
    out.u64(value);
  } else if (typeof value === "number" && Number.isInteger(value)) {
    out.u32(VALUE_TYPES.u32);
    out.u32(value);
  } else if (typeof value === "number" || value instanceof F32) {
    out.u32(VALUE_TYPES.f32);
    out.f32(value instanceof F32 ? value.value : value);
  } else {
    writeList(out, value);
  }
}

type MetadataList = Extract<MetadataValue, { readonly length: number }> & object;

function writeList(out: ByteWriter, list: MetadataList): void {
  out.u32(VALUE_TYPES.list);
  out.u32(VALUE_TYPES[itemType(list)]);
  out.u64(list.length);
  if (ArrayBuffer.isView(list)) {
    out.raw(new Uint8Array(list.buffer, list.byteOffset, list.byteLength));
    return;
  }
  for (const item of list) {
    if (typeof item === "string") out.string(item);
    else out.raw(Uint8Array.of(item ? 1 : 0));
  }
}

function itemType(list: MetadataList): keyof typeof VALUE_TYPES {
  if (list instanceof Int32Array) return "i32";
  if (list instanceof Uint32Array) return "u32";
  if (list instanceof Float32Array) return "f32";
  return typeof list[0] === "boolean" ? "bool" : "string";
}

/** Little-endian bytes, one value after the other. */
class ByteWriter {
  #buffer = Buffer.alloc(1024);
  #length = 0;

  u32(value: number): void {
    const at = this.#grow(4);
    this.#buffer.writeUInt32LE(value, at);
  }

  u64(value: number | bigint): void {
    const at = this.#grow(8);
    this.#buffer.writeBigUInt64LE(BigInt(value), at);
  }

  f32(value: number): void {
    const at = this.#grow(4);
    this.#buffer.writeFloatLE(value, at);
  }

  string(text: string): void {
    const bytes = Buffer.from(text);
    this.u64(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#buffer.set(bytes, at);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#buffer.subarray(0, this.#length));
  }

  /** The place of the next `numBytes`. The buffer may be another one afterwards. */
  #grow(numBytes: number): number {
    const start = this.#length;
    this.#length += numBytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(2 * this.#length);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    return start;
  }
}
