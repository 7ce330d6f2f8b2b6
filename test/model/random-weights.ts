// Weights at random, in every type that a file may store them in: blocks of random bytes with scales that make the
// elements spread evenly around 0, about as wide as asked. The same for a seed, on every machine.

import { unreachable } from "../../src/base/assert.ts";
import { DTYPES, type DType } from "../../src/model/dtype.ts";
import type { ShapedTensor } from "./model-shapes.ts";

export interface RandomTensor {
  readonly dtype: DType;
  readonly numElements: number;
  /** About how far elements go from 0. */
  readonly reach: number;
  /** Value that all elements have in common. */
  readonly center?: number;
  readonly seed: number;
}

const CHUNK_BLOCKS = 1 << 15;

/** The tensor's bytes in pieces, each valid until the next is asked for. 1.5 s for 1 GB. */
export function* randomBytes(tensor: RandomTensor): Generator<Uint8Array> {
  const { dtype, numElements } = tensor;
  const { blockSize, blockBytes } = DTYPES[dtype];
  const numBlocks = numElements / blockSize;
  const chunk = new Chunk(Math.min(numBlocks, CHUNK_BLOCKS) * blockBytes, tensor.seed);
  const shape = shaperOf(tensor);
  for (let done = 0; done < numBlocks; done += CHUNK_BLOCKS) {
    const numBytes = Math.min(numBlocks - done, CHUNK_BLOCKS) * blockBytes;
    chunk.fill(numBytes);
    shape(chunk, numBytes);
    yield chunk.bytes.subarray(0, numBytes);
  }
}

/** Weights of a model's tensor, at random. Norms are around 1; a product with a matrix keeps a vector's length. */
export function modelWeights(
  { name, shape }: ShapedTensor,
  dtype: DType,
  seed: number,
): Iterable<Uint8Array> {
  const isVector = shape.length === 1;
  return randomBytes({
    dtype,
    numElements: shape.reduce((product, size) => product * size, 1),
    reach: isVector ? 0.1 : matrixReach(shape),
    center: isVector && !name.endsWith(".bias") ? 1 : 0,
    seed: seedOf(seed, name),
  });
}

/** How far the elements of a matrix go from 0. */
export function matrixReach(shape: readonly number[]): number {
  return Math.sqrt(3 / (shape.at(-1) ?? 1));
}

/** Any bytes at all. */
export function randomWords(numWords: number, seed: number): Uint8Array {
  const chunk = new Chunk(4 * numWords, seed);
  chunk.fill(4 * numWords);
  return chunk.bytes;
}

/** A seed of its own for each name. */
export function seedOf(seed: number, name: string): number {
  return Number(Bun.hash.xxHash3(name, BigInt(seed)) & 0xffffffffn);
}

/** Bytes that are filled again and again. */
class Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words16: Uint16Array;
  readonly #words32: Uint32Array;
  #state: number;

  constructor(numBytes: number, seed: number) {
    const buffer = new ArrayBuffer(Math.ceil(numBytes / 4) * 4);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.words16 = new Uint16Array(buffer);
    this.#words32 = new Uint32Array(buffer);
    this.#state = seed || 1;
  }

  /** Marsaglia's xorshift32. */
  fill(numBytes: number): void {
    let state = this.#state;
    const numWords = Math.ceil(numBytes / 4);
    for (let index = 0; index < numWords; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      this.#words32[index] = state;
    }
    this.#state = state;
  }
}

/** Turns random bytes into elements. */
type Shaper = (chunk: Chunk, numBytes: number) => void;

function shaperOf({ dtype, reach, center = 0 }: RandomTensor): Shaper {
  switch (dtype) {
    case "F32":
      return floats32(reach, center);
    case "F16":
    case "BF16":
      return floats16(dtype, reach, center);
    case "Q8_0":
      return scales(dtype, { 0: reach / 127 });
    case "Q4_0":
      return scales(dtype, { 0: reach / 8 });
    case "Q4_1":
      return scales(dtype, { 0: reach / 7.5, 2: -reach });
    case "Q5_0":
      return scales(dtype, { 0: reach / 16 });
    case "Q5_1":
      return scales(dtype, { 0: reach / 15.5, 2: -reach });
    case "IQ4_NL":
      return scales(dtype, { 0: reach / 127 });
    case "MXFP4":
      return exponents(reach / 6);
    // Scales of 4 bits are 7.5 on average.
    case "Q2_K":
      return scales(dtype, { 80: reach / (7.5 * 1.5), 82: reach / 7.5 });
    // Scales of 6 bits with a sign are 16 on average.
    case "Q3_K":
      return scales(dtype, { 108: reach / (20 * 4) });
    case "IQ4_XS":
      return scales(dtype, { 0: reach / (20 * 127) });
    // Scales of 6 bits are 31.5 on average; the minimum takes half the range of q below 0.
    case "Q4_K":
      return scales(dtype, { 0: reach / (31.5 * 7.5), 2: reach / 31.5 });
    case "Q5_K":
      return scales(dtype, { 0: reach / (31.5 * 15.5), 2: reach / 31.5 });
    case "Q6_K":
      return scales(dtype, { 208: reach / (64 * 32) });
    default:
      return unreachable(dtype);
  }
}

/** Replaces the F16 numbers at these places of each block, up to a half more or less than given. */
function scales(dtype: DType, places: Readonly<Record<number, number>>): Shaper {
  const { blockBytes } = DTYPES[dtype];
  const tables = Object.entries(places).map(([at, scale]) => ({
    at: Number(at),
    table: Float16Array.from({ length: 256 }, (_, byte) => scale * (0.5 + byte / 255)),
  }));
  return ({ bytes, view }, numBytes) => {
    for (let block = 0; block < numBytes; block += blockBytes) {
      for (const { at, table } of tables) {
        view.setFloat16(block + at, table[bytes[block + at] ?? 0] ?? 0, true);
      }
    }
  };
}

/** Replaces the first byte of each block of MXFP4 by the exponent of a power of two near `scale`, or of its double. */
function exponents(scale: number): Shaper {
  const { blockBytes } = DTYPES.MXFP4;
  const exponent = 127 + Math.floor(Math.log2(scale));
  return ({ bytes }, numBytes) => {
    for (let block = 0; block < numBytes; block += blockBytes) {
      bytes[block] = exponent + ((bytes[block] ?? 0) & 1);
    }
  };
}

function floats32(reach: number, center: number): Shaper {
  return ({ view }, numBytes) => {
    for (let at = 0; at < numBytes; at += 4) {
      view.setFloat32(at, center + reach * (view.getInt32(at, true) / 2 ** 31), true);
    }
  };
}

/** There are only so many numbers of 16 bits: each random one stands for one element. */
function floats16(dtype: "F16" | "BF16", reach: number, center: number): Shaper {
  const values = Float32Array.from(
    { length: 65536 },
    (_, bits) => center + reach * ((bits - 32768) / 32768),
  );
  const table =
    dtype === "F16"
      ? new Uint16Array(Float16Array.from(values).buffer)
      : Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
  return ({ words16 }, numBytes) => {
    for (let index = 0; index < numBytes / 2; index++) {
      words16[index] = table[words16[index] ?? 0] ?? 0;
    }
  };
}
