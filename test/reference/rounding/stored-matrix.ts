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

/** Half i of 32 in the 16 bytes from `start` on: the lower ones first. */
const halfOf32 = (block: DataView, start: number, i: number) =>
  nibble(block.getUint8(start + (i & 15)), i >= 16);

const fifthBit = (block: DataView, start: number, i: number) =>
  ((block.getUint32(start, true) >>> i) & 1) << 4;

/** In Q2_K and Q3_K, from byte `start` on: 128 elements in 32 bytes, the lowest two bits first. */
const quarter = (block: DataView, start: number, i: number) =>
  (block.getUint8(start + ((i >> 7) << 5) + (i & 31)) >> (2 * ((i >> 5) & 3))) & 3;

/** The levels that the numbers in IQ4_NL and IQ4_XS stand for. */
const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
const TWICE_E2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

const WITH_MINIMUM = {
  partSize: 32,
  blockSize: 32,
  scaleAt: (block: DataView) => half(block, 0),
  minimumAt: (block: DataView) => -half(block, 2),
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
  Q4_1: { ...WITH_MINIMUM, blockBytes: 20, levelAt: (block, i) => halfOf32(block, 4, i) },
  Q5_0: {
    ...{ blockBytes: 22, blockSize: 32, partSize: 32 },
    levelAt: (block, i) => (halfOf32(block, 6, i) | fifthBit(block, 2, i)) - 16,
    scaleAt: (block) => half(block, 0),
  },
  Q5_1: {
    ...{ ...WITH_MINIMUM, blockBytes: 24 },
    levelAt: (block, i) => halfOf32(block, 8, i) | fifthBit(block, 4, i),
  },
  IQ4_NL: {
    ...{ blockBytes: 18, blockSize: 32, partSize: 32 },
    levelAt: (block, i) => NON_LINEAR[halfOf32(block, 2, i)] as number,
    scaleAt: (block) => half(block, 0),
  },
  MXFP4: {
    ...{ blockBytes: 17, blockSize: 32, partSize: 32 },
    levelAt: (block, i) => TWICE_E2M1[halfOf32(block, 1, i)] as number,
    scaleAt: (block) => 2 ** (block.getUint8(0) - 128),
  },
  Q2_K: {
    ...{ blockBytes: 84, blockSize: 256, partSize: 16 },
    levelAt: (block, i) => quarter(block, 16, i),
    scaleAt: (block, part) => half(block, 80) * (block.getUint8(part) & 15),
    minimumAt: (block, part) => half(block, 82) * (block.getUint8(part) >> 4),
  },
  Q3_K: {
    ...{ blockBytes: 110, blockSize: 256, partSize: 16 },
    levelAt: (block, i) =>
      (quarter(block, 32, i) | (((block.getUint8(i & 31) >> (i >> 5)) & 1) << 2)) - 4,
    scaleAt: (block, part) => {
      const low = nibble(block.getUint8(96 + (part & 7)), part >= 8);
      const high = (block.getUint8(104 + (part & 3)) >> (2 * (part >> 2))) & 3;
      return half(block, 108) * ((low | (high << 4)) - 32);
    },
  },
  IQ4_XS: {
    ...{ blockBytes: 136, blockSize: 256, partSize: 32 },
    levelAt: (block, i) => NON_LINEAR[halfOf32(block, 8 + ((i >> 5) << 4), i & 31)] as number,
    scaleAt: (block, part) => {
      const low = nibble(block.getUint8(4 + (part >> 1)), (part & 1) !== 0);
      const high = (block.getUint16(2, true) >> (2 * part)) & 3;
      return half(block, 0) * ((low | (high << 4)) - 32);
    },
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
