// The header of one GGUF file: magic, version, metadata by key, then name, shape, type and place of each
// tensor. The tensors' bytes follow, each aligned. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
//
// The layout's rules are those of the format's reference parser (ggml/src/gguf.cpp), so that two readers of
// a file see the same tensors, and no offset that leaves this file points outside the bytes that there are.

import { showFound } from "../base/describe-issue.ts";
import { cutShort, readBytes } from "./file-bytes.ts";
import { GGML_TYPES, type GgmlType } from "./ggml-types.ts";
import { type GgufList, GgufReader, type GgufValue, MoreBytesNeeded } from "./gguf-reader.ts";
import { JsonObject } from "./json-object.ts";
import { ModelError, type StoredTensor } from "./model-files.ts";
import { openFile } from "./model-path.ts";
import { whole } from "./value-schemas.ts";

export interface GgufHeader {
  /** Its lists are decoded when they are first read. */
  readonly metadata: JsonObject;
  /** The same lists, for who wants some items only. */
  readonly lists: ReadonlyMap<string, GgufList>;
  readonly tensors: readonly StoredTensor[];
}

const MAGIC = 0x46554747; // "GGUF"
const DEFAULT_ALIGNMENT = 32;
const MAX_DIMENSIONS = 4;

// A key has a length, a type and a value; a tensor a length, a number of sizes, a type and an offset.
const MIN_KEY_BYTES = 8 + 4 + 1;
const MIN_TENSOR_BYTES = 8 + 4 + 4 + 8;

// Most headers are smaller: 152,000 tokens with their merges take 6 MB.
const FIRST_READ_BYTES = 8 * 2 ** 20;
const MAX_HEADER_BYTES = 512 * 2 ** 20;

/** Reads and checks the header of the file at `path`. The tensors' bytes are not looked at. */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  const file = await openFile(path);
  if (file === undefined) throw new ModelError(`${path} is missing`);
  try {
    const { size } = await file.stat();
    let numBytes = Math.min(FIRST_READ_BYTES, size);
    while (true) {
      const bytes = await readBytes(file, { path, offset: 0, numBytes });
      const header = parseStart(path, bytes, size);
      if (!(header instanceof MoreBytesNeeded)) return header;
      numBytes = Math.min(Math.max(header.numBytes, 2 * numBytes), MAX_HEADER_BYTES, size);
      if (header.numBytes > numBytes) {
        throw new ModelError(
          `${path}: the header goes beyond ${MAX_HEADER_BYTES} bytes, as no model's does; the file is damaged`,
        );
      }
    }
  } finally {
    await file.close();
  }
}

/**
 * `bytes` is the start of a file that has `fileSize` bytes. Throws `ModelError`, or `MoreBytesNeeded`
 * where that is not the whole header.
 */
export function parseGgufHeader(path: string, bytes: Uint8Array, fileSize: number): GgufHeader {
  const reader = new GgufReader(path, bytes, fileSize);
  checkVersion(path, reader);
  const numTensors = reader.count("tensors", MIN_TENSOR_BYTES);
  const numKeys = reader.count("metadata keys", MIN_KEY_BYTES);
  const lists = new Map<string, GgufList>();
  const metadata = readMetadata(path, reader, { numKeys, lists });
  const entries: TensorEntry[] = [];
  for (let index = 0; index < numTensors; index++) entries.push(readTensor(path, reader));
  const alignment = alignmentOf(metadata);
  const dataStart = alignUp(reader.position, alignment);
  const tensors = placeTensors(entries, { path, dataStart, alignment, fileSize });
  return { metadata, lists, tensors };
}

function parseStart(path: string, bytes: Uint8Array, fileSize: number) {
  try {
    return parseGgufHeader(path, bytes, fileSize);
  } catch (error) {
    if (error instanceof MoreBytesNeeded) return error;
    throw error;
  }
}

function checkVersion(path: string, reader: GgufReader): void {
  if (reader.u32() !== MAGIC) throw new ModelError(`${path} is no GGUF file`);
  const version = reader.u32();
  if (version === 2 || version === 3) return;
  // A version is small: in its lower half it has bits, unless the bytes stand in the other order.
  if (version !== 0 && (version & 0xffff) === 0) {
    throw new ModelError(
      `${path} is a big-endian GGUF file; supported: little-endian. Convert it with gguf_convert_endian.py`,
    );
  }
  throw new ModelError(
    `${path} has version ${version} of the GGUF format; supported: 2 and 3. Download a newer conversion`,
  );
}

/** Adds the lists to `lists` as well. */
function readMetadata(
  path: string,
  reader: GgufReader,
  { numKeys, lists }: { readonly numKeys: number; readonly lists: Map<string, GgufList> },
): JsonObject {
  const fields: Record<string, unknown> = Object.create(null);
  for (let index = 0; index < numKeys; index++) {
    const key = reader.string("a metadata key");
    if (Object.hasOwn(fields, key)) {
      throw new ModelError(`${path}: metadata key ${showFound(key)} is there twice`);
    }
    const value = reader.value(showFound(key));
    if (typeof value === "object") lists.set(key, value);
    defineField(fields, key, value);
  }
  return new JsonObject(path, fields);
}

function defineField(fields: object, key: string, value: GgufValue): void {
  if (typeof value !== "object") {
    Object.defineProperty(fields, key, { value, enumerable: true });
    return;
  }
  let list: readonly unknown[] | undefined;
  Object.defineProperty(fields, key, {
    get() {
      list ??= value.decode();
      return list;
    },
    enumerable: true,
  });
}

function alignmentOf(metadata: JsonObject): number {
  const alignment = metadata.read("general.alignment", whole({ min: 1, max: 2 ** 31 }));
  if (alignment === undefined) return DEFAULT_ALIGNMENT;
  if (Number.isInteger(Math.log2(alignment))) return alignment;
  throw new ModelError(
    `${metadata.place}: general.alignment is ${alignment}; expected a power of 2`,
  );
}

interface TensorEntry {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  /** From the start of the tensors' bytes. */
  readonly offset: number;
  readonly numBytes: number;
}

function readTensor(path: string, reader: GgufReader): TensorEntry {
  const name = reader.string("a tensor's name");
  const place = `${path}: tensor ${showFound(name)}`;
  const numDimensions = reader.u32();
  if (numDimensions > MAX_DIMENSIONS) {
    throw new ModelError(`${place} has ${numDimensions} dimensions; at most ${MAX_DIMENSIONS}`);
  }
  // Sizes are stored from the innermost to the outermost.
  const shape = Array.from({ length: numDimensions }, () => reader.u64()).reverse();
  const typeId = reader.u32();
  const type = GGML_TYPES.get(typeId);
  if (type === undefined) {
    throw new ModelError(`${place} has the type number ${typeId}, which is not known`);
  }
  return { name, type, shape, offset: reader.u64(), numBytes: numBytesOf(place, type, shape) };
}

function numBytesOf(place: string, type: GgmlType, shape: readonly number[]): number {
  const rowSize = shape.at(-1) ?? 1;
  if (rowSize % type.blockSize !== 0) {
    throw new ModelError(
      `${place} has rows of ${rowSize}; ${type.name} has blocks of ${type.blockSize}`,
    );
  }
  let numBytes = type.blockBytes;
  // Step by step, so that no product can round: what is unsafe once is refused at once.
  for (const size of [...shape.slice(0, -1), rowSize / type.blockSize]) {
    numBytes *= size;
    if (!Number.isSafeInteger(numBytes)) {
      throw new ModelError(`${place} has the shape ${showFound(shape)}, larger than any file`);
    }
  }
  return numBytes;
}

interface Layout {
  readonly path: string;
  readonly dataStart: number;
  readonly alignment: number;
  readonly fileSize: number;
}

/** The tensors must follow each other in the order of their entries, each at the next aligned byte. */
function placeTensors(
  entries: readonly TensorEntry[],
  { path, dataStart, alignment, fileSize }: Layout,
): readonly StoredTensor[] {
  const names = new Set<string>();
  let next = 0;
  return entries.map(({ name, type, shape, offset, numBytes }) => {
    const place = `${path}: tensor ${showFound(name)}`;
    if (names.has(name)) throw new ModelError(`${place} is listed twice`);
    if (offset !== next) {
      throw new ModelError(`${place} starts at byte ${offset} of the data, expected ${next}`);
    }
    const end = dataStart + offset + numBytes;
    if (end > fileSize) throw cutShort(path, end, fileSize);
    names.add(name);
    next = alignUp(offset + numBytes, alignment);
    return { name, dtype: type.name, shape, path, offset: dataStart + offset, numBytes };
  });
}

function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
