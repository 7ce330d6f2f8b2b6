// A weight matrix as the kernels multiply it: single elements by F32 or BF16 activations, levels by activations in
// levels. Sums are taken in the order of the inputs.

import type { RoundingFacts } from "./facts.ts";
import { addProduct, type Floats, fround, roundEven, toBf16, toF16 } from "./floats.ts";

export const GROUP = 32;

/** weight(n, k) = values[n][k] */
export interface FloatMatrix {
  readonly type: "f32" | "bf16";
  readonly numInputs: number;
  readonly values: Floats; // [N, K]
}

/** weight(n, k) = scales[n][k / partSize] levels[n][k] - minimums[n][k / partSize], K a multiple of 32. */
export interface LevelMatrix {
  readonly type: "levels";
  readonly numInputs: number;
  readonly levels: Int8Array; // [N, K]
  readonly partSize: 16 | 32;
  readonly scales: Floats;
  readonly minimums: Floats | undefined;
}

export type RoundedMatrix = FloatMatrix | LevelMatrix;

/** W x, each row one sum of F32. */
export function multiply(matrix: RoundedMatrix, x: Floats, facts: RoundingFacts): Floats {
  if (matrix.type === "levels") return multiplyLevels(matrix, x, facts);
  const isPaired = matrix.type === "bf16" && facts.bf16Input === "bf16";
  const input = isPaired ? swapPairs(x.map(toBf16)) : x;
  const values = isPaired ? swapPairs(matrix.values) : matrix.values;
  return multiplyFloats(values, input, facts.isFused);
}

/** Four rows at a time, so that one's sum need not wait for itself. */
function multiplyFloats(values: Floats, x: Floats, isFused: boolean): Floats {
  const size = x.length;
  const y = new Float32Array(values.length / size);
  const product = (value: number, at: number) => {
    const exact = value * (values[at] as number);
    return isFused ? exact : fround(exact);
  };
  for (let row = 0; row < y.length; row += 4) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let k = 0; k < size; k++) {
      const value = x[k] as number;
      const at = row * size + k;
      a = fround(a + product(value, at));
      b = fround(b + product(value, at + size));
      c = fround(c + product(value, at + 2 * size));
      d = fround(d + product(value, at + 3 * size));
    }
    y[row] = a;
    y[row + 1] = b;
    y[row + 2] = c;
    y[row + 3] = d;
  }
  return y;
}

/** The product of pairs adds the second of a pair first. */
function swapPairs(x: Floats): Floats {
  return x.map((_, i) => x[i ^ 1] as number);
}

interface Levels {
  readonly levels: Int8Array; // [K]
  readonly scales: Floats; // [K / 32]
}

/** x = scale * level, the largest magnitude of 32 at level 127. */
export function toLevels(x: Floats, { scale }: RoundingFacts): Levels {
  const levels = new Int8Array(Math.ceil(x.length / GROUP) * GROUP);
  const scales = new Float32Array(levels.length / GROUP);
  for (let group = 0; group < scales.length; group++) {
    const values = x.subarray(group * GROUP, (group + 1) * GROUP);
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const inverse = largest > 2 ** -100 ? fround(127 / largest) : 0;
    for (const [k, value] of values.entries()) {
      levels[group * GROUP + k] = roundEven(fround(value * inverse));
    }
    const exact = fround(largest / 127);
    scales[group] = scale === "f16" ? toF16(exact) : exact;
  }
  return { levels, scales };
}

function multiplyLevels(matrix: LevelMatrix, x: Floats, facts: RoundingFacts): Floats {
  const { levels, partSize, scales, minimums } = matrix;
  const { isFused } = facts;
  const input = toLevels(x, facts);
  const size = input.levels.length;
  const numParts = size / partSize;
  const totals = Float32Array.from({ length: numParts }, (_, part) => {
    const own = input.levels.subarray(part * partSize, (part + 1) * partSize);
    const scale = input.scales[Math.floor((part * partSize) / GROUP)] as number;
    return fround(scale * -own.reduce((sum, level) => sum + level, 0));
  });
  const y = new Float32Array(levels.length / size);
  for (let row = 0; row < y.length; row++) {
    let sum = 0;
    for (let part = 0; part < numParts; part++) {
      let dot = 0;
      const at = part * partSize;
      for (let k = at; k < at + partSize; k++) {
        dot += (input.levels[k] as number) * (levels[row * size + k] as number);
      }
      const group = (at / GROUP) | 0;
      const scale = fround(
        (scales[row * numParts + part] as number) * (input.scales[group] as number),
      );
      sum = addProduct(isFused, dot, scale, sum);
      if (minimums === undefined) continue;
      const minimum = minimums[row * numParts + part] as number;
      sum = addProduct(isFused, minimum, totals[part] as number, sum);
    }
    y[row] = sum;
  }
  return y;
}

/** A row as F32, for embeddings. */
export function rowOf(matrix: RoundedMatrix, row: number, size: number): Floats {
  if (matrix.type !== "levels") return matrix.values.slice(row * size, (row + 1) * size);
  const { levels, partSize, scales, minimums } = matrix;
  const stride = levels.length === 0 ? 0 : Math.ceil(size / GROUP) * GROUP;
  return Float32Array.from({ length: size }, (_, k) => {
    const part = (row * stride + k - ((row * stride + k) % partSize)) / partSize;
    const product = fround((scales[part] as number) * (levels[row * stride + k] as number));
    return minimums === undefined ? product : fround(product - (minimums[part] as number));
  });
}

/** The weights [N, K] without a rounding of their own. */
export function weightsOf(matrix: RoundedMatrix): Float64Array<ArrayBuffer> {
  if (matrix.type !== "levels") return Float64Array.from(matrix.values);
  const { levels, partSize, scales, minimums, numInputs } = matrix;
  const stride = Math.ceil(numInputs / GROUP) * GROUP;
  const numOutputs = levels.length / stride;
  const weights = new Float64Array(numOutputs * numInputs);
  for (let n = 0; n < numOutputs; n++) {
    for (let k = 0; k < numInputs; k++) {
      const at = n * stride + k;
      const part = Math.floor(at / partSize);
      const minimum = minimums?.[part] ?? 0;
      weights[n * numInputs + k] = (scales[part] as number) * (levels[at] as number) - minimum;
    }
  }
  return weights;
}

/** Row 2 i + j of an interleaved head is row j D / 2 + i of the same head in halves. */
export function rowsToHalves(matrix: RoundedMatrix, headSize: number): RoundedMatrix {
  const { numInputs } = matrix;
  const stride = matrix.type === "levels" ? Math.ceil(numInputs / GROUP) * GROUP : numInputs;
  const elements = matrix.type === "levels" ? matrix.levels : matrix.values;
  const numRows = elements.length / stride;
  const reorder = <T extends Int8Array | Float32Array>(from: T): T => {
    const size = from.length / numRows;
    const to = from.slice() as T;
    for (let row = 0; row < numRows; row++) {
      const inHead = row % headSize;
      const place = row - inHead + (inHead % 2) * (headSize / 2) + Math.floor(inHead / 2);
      to.set(from.subarray(row * size, (row + 1) * size), place * size);
    }
    return to;
  };
  if (matrix.type !== "levels") return { ...matrix, values: reorder(matrix.values) };
  const { levels, scales, minimums } = matrix;
  return {
    ...matrix,
    levels: reorder(levels),
    scales: reorder(scales),
    minimums: minimums && reorder(minimums),
  };
}
