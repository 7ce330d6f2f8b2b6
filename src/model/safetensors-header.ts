// The header of one safetensors file: 8 bytes of length (little-endian u64), that many bytes of JSON,
// then the tensors' bytes without a gap. https://huggingface.co/docs/safetensors
//
// The rules are those of the format's reference parser: what it refuses is refused here, so that no
// offset that leaves this file can point outside the bytes that the file has.

import { showFound } from "../base/describe-issue.ts";
import { cutShort, readBytes } from "./file-bytes.ts";
import { parseJsonObject } from "./json-object.ts";
import { ModelError, type StoredTensor } from "./model-files.ts";
import { openFile } from "./model-path.ts";
import { isPlainObject } from "./value-schemas.ts";

// The reference parser's limit. The header of a model with 100,000 tensors has about 10 MB.
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

// In valid JSON every character up to this one that stands outside a string is white space.
const SPACE = 0x20;

const BITS_BY_DTYPE: ReadonlyMap<string, number> = new Map([
  ...["F4"].map((dtype) => [dtype, 4] as const),
  ...["F6_E2M3", "F6_E3M2"].map((dtype) => [dtype, 6] as const),
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"].map((dtype) => [dtype, 8] as const),
  ...["U16", "I16", "F16", "BF16"].map((dtype) => [dtype, 16] as const),
  ...["U32", "I32", "F32"].map((dtype) => [dtype, 32] as const),
  ...["U64", "I64", "F64", "C64"].map((dtype) => [dtype, 64] as const),
]);

/** Reads and checks the header of the file at `path`. The tensors' bytes are not read. */
export async function readSafetensorsHeader(path: string): Promise<readonly StoredTensor[]> {
  const file = await openFile(path);
  if (file === undefined) throw new ModelError(`${path} is missing`);
  try {
    const { size } = await file.stat();
    const length = await readBytes(file, { path, offset: 0, numBytes: LENGTH_BYTES });
    const numBytes = checkHeaderLength(path, length, size);
    const header = await readBytes(file, { path, offset: LENGTH_BYTES, numBytes });
    return parseSafetensorsHeader(path, header, size);
  } finally {
    await file.close();
  }
}

/** `header` is the JSON alone; `fileSize` is the size of the whole file. */
export function parseSafetensorsHeader(
  path: string,
  header: Uint8Array,
  fileSize: number,
): readonly StoredTensor[] {
  const text = decodeText(path, header);
  const entries = parseJsonObject(`${path}: the header`, text);
  const twice = repeatedKey(text);
  if (twice !== undefined)
    throw new ModelError(`${path}: tensor ${showFound(twice)} is listed twice`);
  checkMetadata(path, entries["__metadata__"]);

  const dataStart = LENGTH_BYTES + header.length;
  const tensors = Object.entries(entries)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => parseTensor({ path, name, entry, dataStart }));
  checkLayout(path, tensors, { dataStart, fileSize });
  return tensors;
}

function checkHeaderLength(path: string, length: Uint8Array, fileSize: number): number {
  const view = new DataView(length.buffer, length.byteOffset, length.byteLength);
  const numBytes = Number(view.getBigUint64(0, true));
  if (numBytes > MAX_HEADER_BYTES) {
    throw new ModelError(
      `${path}: a header of ${numBytes} bytes (at most ${MAX_HEADER_BYTES}); this is no safetensors file`,
    );
  }
  if (LENGTH_BYTES + numBytes > fileSize) throw cutShort(path, LENGTH_BYTES + numBytes, fileSize);
  return numBytes;
}

function decodeText(path: string, header: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    throw new ModelError(`${path}: the header is not valid UTF-8; this is no safetensors file`);
  }
}

function checkMetadata(path: string, metadata: unknown): void {
  if (metadata === undefined) return;
  const isText = isPlainObject(metadata) && Object.values(metadata).every(isString);
  if (!isText) throw new ModelError(`${path}: __metadata__ must map names to strings`);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

interface Entry {
  readonly path: string;
  readonly name: string;
  readonly entry: unknown;
  readonly dataStart: number;
}

function parseTensor({ path, name, entry, dataStart }: Entry): StoredTensor {
  const place = `${path}: tensor ${showFound(name)}`;
  if (!isPlainObject(entry)) throw new ModelError(`${place} is ${showFound(entry)}, not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const bits = isString(dtype) ? BITS_BY_DTYPE.get(dtype) : undefined;
  if (!isString(dtype) || bits === undefined) {
    throw new ModelError(
      `${place} has the dtype ${showFound(dtype)}, which safetensors does not define`,
    );
  }
  if (!isSizes(shape)) throw new ModelError(`${place} has the shape ${showFound(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw new ModelError(`${place} has the data_offsets ${showFound(offsets)}`);
  }
  const [begin = 0, end = 0] = offsets;
  const numBytes = (shape.reduce((product, size) => product * size, 1) * bits) / 8;
  // Beyond 2^53 the product is rounded, and too large to equal a real file's offsets.
  if (!Number.isSafeInteger(numBytes) || end - begin !== numBytes) {
    throw new ModelError(
      `${place} has data_offsets ${showFound(offsets)}, ${end - begin} bytes; ` +
        `its shape ${showFound(shape)} in ${dtype} takes ${numBytes}`,
    );
  }
  return { name, dtype, shape, path, offset: dataStart + begin, numBytes };
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** The tensors must cover the file's data end to end: no overlap, no gap, nothing beyond the end. */
function checkLayout(
  path: string,
  tensors: readonly StoredTensor[],
  { dataStart, fileSize }: { readonly dataStart: number; readonly fileSize: number },
): void {
  const inOrder = [...tensors].sort((a, b) => a.offset - b.offset || a.numBytes - b.numBytes);
  let end = dataStart;
  for (const { name, offset, numBytes } of inOrder) {
    if (offset !== end) {
      const what = offset < end ? "overlaps the tensor before it" : "leaves a gap before it";
      throw new ModelError(
        `${path}: tensor ${showFound(name)} ${what} (starts at byte ${offset}, expected ${end})`,
      );
    }
    end = offset + numBytes;
  }
  if (end > fileSize) throw cutShort(path, end, fileSize);
  if (end < fileSize) {
    throw new ModelError(
      `${path}: ${fileSize - end} bytes after the last tensor belong to none; the file is damaged`,
    );
  }
}

/**
 * The first key that the top object of valid JSON has twice. `JSON.parse` keeps only the last of
 * them, and two parsers that keep different ones would read different weights.
 */
function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (let index = 0; index < json.length; index++) {
    const char = json[index];
    if (char === "{" || char === "[") depth++;
    if (char === "}" || char === "]") depth--;
    if (char !== '"') continue;

    const start = index;
    const end = endOfString(json, start);
    index = end - 1;
    if (depth !== 1 || !isFollowedByColon(json, end)) continue;
    const key: string = JSON.parse(json.slice(start, end));
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}

/** The index after the closing quote of the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  let index = start + 1;
  while (json[index] !== '"') index += json[index] === "\\" ? 2 : 1;
  return index + 1;
}

function isFollowedByColon(json: string, start: number): boolean {
  let index = start;
  while (json.charCodeAt(index) <= SPACE) index++;
  return json[index] === ":";
}
