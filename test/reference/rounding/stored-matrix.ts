// A stored weight as the levels, scales and minimums that it holds, or as floats; and what floats become that are
// quantised when they are loaded. The layouts are told in dequantise.ts and dequantise-grouped.ts.

import type { GroupedWeight } from "../../../src/model/model-files.ts";
import { dequantise } from "../dequantise.ts";
import { type Floats, fround, roundEven, toF16 } from "./floats.ts";
import { GROUP, type RoundedMatrix } from "./matrix.ts";

type Quantization = "q8" | "q4" | undefined;

interface Stored {
  readonly dtype: string;
  readonly bytes: Uint8Array;
  readonly numInputs: number;
}

export function matrixOf(stored: Stored, quantization: Quantization): RoundedMatrix {
  const { dtype, bytes, numInputs } = stored;
  const format = LEVEL_FORMATS[dtype];
  if (format !== undefined) return fromBlocks(format, bytes, numInputs);
  const values = Float32Array.from(dequantise(dtype, bytes));
  if (quantization !== undefined) return quantise(values, numInputs, quantization);
  return { type: dtype === "BF16" ? "bf16" : "f32", numInputs, values };
}

// --- blocks of GGUF ----------------------------------------------------------------------------

/** A block's format: for each element its level, without an offset; for each part its scale and minimum. */
interface LevelFormat {
  readonly blockBytes: number;
  readonly blockSize: number;
  readonly partSize: 16 | 32;
  readonly levelAt: (block: DataView, element: number) => number;
  readonly scaleAt: (block: DataView, part: number) => number;
  readonly minimumAt?: (block: DataView, part: number) => number;
}

const half = (block: DataView, at: number) => block.getFloat16(at, true);
const nibble = (byte: number, isHigh: boolean) => (isHigh ? byte >> 4 : byte & 15);

/** In Q4_K and Q5_K, from byte `start` on: 64 elements in 32 bytes, the lower halves first. */
const kNibble = (block: DataView, start: number, i: number) =>
  nibble(block.getUint8(start + ((i >> 6) << 5) + (i & 31)), (i & 32) !== 0);

/** Number `group` of the eight scales (`which` 0) or minimums (1) of 6 bits in bytes 4 to 15. */
function sixBits(block: DataView, group: number, which: 0 | 1): number {
  const low = block.getUint8(4 + (group % 4) + 4 * which);
  if (group < 4) return low & 63;
  return nibble(block.getUint8(8 + group), which === 1) | ((low >> 6) << 4);
}

const K_SCALES = {
  partSize: 32,
  blockSize: 256,
  scaleAt: (block: DataView, part: number) => half(block, 0) * sixBits(block, part, 0),
  minimumAt: (block: DataView, part: number) => half(block, 2) * sixBits(block, part, 1),
} as const;

const LEVEL_FORMATS: Readonly<Record<string, LevelFormat>> = {
  Q8_0: {
    ...{ blockBytes: 34, blockSize: 32, partSize: 32 },
    levelAt: (block, i) => block.getInt8(2 + i),
    scaleAt: (block) => half(block, 0),
  },
  Q4_0: {
    ...{ blockBytes: 18, blockSize: 32, partSize: 32 },
    levelAt: (block, i) => nibble(block.getUint8(2 + (i & 15)), i >= 16) - 8,
    scaleAt: (block) => half(block, 0),
  },
  Q4_K: { ...K_SCALES, blockBytes: 144, levelAt: (block, i) => kNibble(block, 16, i) },
  Q5_K: {
    ...{ ...K_SCALES, blockBytes: 176 },
    levelAt: (block, i) =>
      kNibble(block, 48, i) | (((block.getUint8(16 + (i & 31)) >> (i >> 5)) & 1) << 4),
  },
  Q6_K: {
    ...{ blockBytes: 210, blockSize: 256, partSize: 16 },
    levelAt: (block, i) => {
      const [part, quarter, j] = [i >> 7, (i >> 5) & 3, i & 31];
      const low = nibble(block.getUint8(64 * part + 32 * (quarter & 1) + j), quarter >= 2);
      return (low | (((block.getUint8(128 + 32 * part + j) >> (2 * quarter)) & 3) << 4)) - 32;
    },
    scaleAt: (block, part) => half(block, 208) * block.getInt8(192 + part),
  },
};

function fromBlocks(format: LevelFormat, bytes: Uint8Array, numInputs: number): RoundedMatrix {
  const { blockBytes, blockSize, partSize, minimumAt } = format;
  const numBlocks = bytes.length / blockBytes;
  const partsPerBlock = blockSize / partSize;
  const levels = new Int8Array(numBlocks * blockSize);
  const scales = new Float32Array(numBlocks * partsPerBlock);
  const minimums = minimumAt && new Float32Array(scales.length);
  for (let index = 0; index < numBlocks; index++) {
    const block = new DataView(bytes.buffer, bytes.byteOffset + index * blockBytes, blockBytes);
    for (let i = 0; i < blockSize; i++) levels[index * blockSize + i] = format.levelAt(block, i);
    for (let part = 0; part < partsPerBlock; part++) {
      scales[index * partsPerBlock + part] = format.scaleAt(block, part);
      if (minimums) minimums[index * partsPerBlock + part] = minimumAt(block, part);
    }
  }
  return { type: "levels", numInputs, levels, partSize, scales, minimums };
}

// --- GPTQ and AWQ ------------------------------------------------------------------------------

interface GroupedParts {
  readonly weight: GroupedWeight;
  readonly qweight: Uint32Array;
  readonly qzeros: Uint32Array;
  readonly scales: Float64Array; // [groups, N]
}

const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7];

export function groupedMatrixOf({ weight, qweight, qzeros, scales }: GroupedParts): RoundedMatrix {
  const [numOutputs = 0, numInputs = 0] = weight.shape;
  const isAwq = weight.type === "awq";
  const fourBits = (words: Uint32Array, word: number, place: number) =>
    ((words[word] as number) >>> (4 * place)) & 15;
  const levels = new Int8Array(numOutputs * numInputs);
  const numParts = numInputs / GROUP;
  const partScales = new Float32Array(numOutputs * numParts);
  const minimums = new Float32Array(partScales.length);
  for (let n = 0; n < numOutputs; n++) {
    const place = isAwq ? (AWQ_PLACES[n % 8] as number) : n % 8;
    for (let k = 0; k < numInputs; k++) {
      levels[n * numInputs + k] = isAwq
        ? fourBits(qweight, (k * numOutputs + n - (n % 8)) / 8, place)
        : fourBits(qweight, (k >> 3) * numOutputs + n, k % 8);
    }
    for (let part = 0; part < numParts; part++) {
      const group = Math.floor((part * GROUP) / weight.groupSize);
      const zero = fourBits(qzeros, (group * numOutputs + n - (n % 8)) / 8, place);
      const scale = toF16(scales[group * numOutputs + n] as number);
      partScales[n * numParts + part] = scale;
      minimums[n * numParts + part] = scale * (zero + weight.zeroOffset);
    }
  }
  return { type: "levels", numInputs, levels, partSize: GROUP, scales: partScales, minimums };
}

// --- quantised when loaded ---------------------------------------------------------------------

/** `q8`: the largest magnitude at 127. `q4`: the weight of the largest magnitude at -8. Scales are F16. */
function quantise(values: Floats, numInputs: number, to: "q8" | "q4"): RoundedMatrix {
  const padded = Math.ceil(numInputs / GROUP) * GROUP;
  const numOutputs = values.length / numInputs;
  const levels = new Int8Array(numOutputs * padded);
  const scales = new Float32Array(levels.length / GROUP);
  const [lowest, highest] = to === "q8" ? [-127, 127] : [-8, 7];
  for (let n = 0; n < numOutputs; n++) {
    for (let first = 0; first < numInputs; first += GROUP) {
      const end = Math.min(first + GROUP, numInputs);
      const group = values.subarray(n * numInputs + first, n * numInputs + end);
      const scale = toF16(scaleFor(group, to));
      const inverse = scale === 0 ? 0 : fround(1 / scale);
      scales[(n * padded + first) / GROUP] = scale;
      for (const [k, value] of group.entries()) {
        const level = roundEven(fround(value * inverse));
        levels[n * padded + first + k] = Math.max(lowest, Math.min(highest, level));
      }
    }
  }
  return { type: "levels", numInputs, levels, partSize: GROUP, scales, minimums: undefined };
}

function scaleFor(group: Floats, to: "q8" | "q4"): number {
  let largest = 0;
  for (const value of group) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return fround(to === "q8" ? Math.abs(largest) / 127 : largest / -8);
}
