// One head's attention as the kernels compute it, for contexts within one span of 512 positions: tiles of 64, the
// softmax taken online. K and V are the pool's numbers.

import type { RoundingFacts } from "./facts.ts";
import {
  addFourVectors,
  addProduct,
  expF32,
  type Floats,
  fround,
  roundEven,
  toBf16,
} from "./floats.ts";

export type PoolType = "float32" | "bfloat16" | "int8";

/** A K or V of one position and KV head: value(d) = scale * values[d]. */
export interface PoolVector {
  readonly values: Floats;
  readonly scale: number;
}

export function toPool(x: Floats, type: PoolType): PoolVector {
  if (type === "float32") return { values: x, scale: 1 };
  if (type === "bfloat16") return { values: x.map(toBf16), scale: 1 };
  const largest = x.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const inverse = largest > 0 ? fround(127 / largest) : 0;
  const values = x.map((value) => {
    const scaled = Math.max(-127, Math.min(127, fround(value * inverse)));
    return roundEven(scaled);
  });
  return { values, scale: fround(largest / 127) };
}

const TILE = 64;
const SPAN = 512;
const MAX_INT16 = 32767;

export interface HeadAttention {
  readonly query: Floats;
  readonly keys: readonly PoolVector[];
  readonly values: readonly PoolVector[];
  readonly pool: PoolType;
}

export function attend(head: HeadAttention, facts: RoundingFacts): Floats {
  const { query, keys, values } = head;
  if (keys.length > SPAN) throw new Error(`${keys.length} positions are more than one span`);
  const sums = new Float32Array(query.length);
  let max = -Infinity;
  let total = 0;
  for (let begin = 0; begin < keys.length; begin += TILE) {
    const tile = { ...head, keys: keys.slice(begin, begin + TILE) };
    const scores = scoresOf(tile, facts);
    const newMax = Math.max(max, ...scores);
    const isFusedExp = facts.attention === "pool";
    const weights = scores.map((score) => expF32(fround(score - newMax), isFusedExp));
    const correction = expF32(fround(max - newMax), isFusedExp);
    total = fround(fround(total * correction) + sumOfWeights(weights, facts));
    for (const [d, sum] of sums.entries()) sums[d] = fround(sum * correction);
    addValues({ ...head, values: values.slice(begin, begin + TILE) }, weights, sums, facts);
    max = newMax;
  }
  return sums.map((sum) => fround(sum / total));
}

function scoresOf({ query, keys, pool }: HeadAttention, facts: RoundingFacts): number[] {
  const scale = fround(1 / fround(Math.sqrt(query.length)));
  if (facts.attention === "pool" && pool === "int8") return integerScores(query, keys, scale);
  const isPaired = facts.attention === "pool" && pool === "bfloat16";
  const rounded = isPaired ? query.map(toBf16) : query;
  return keys.map((key) => {
    let sum = 0;
    for (let d = 0; d < query.length; d++) {
      const at = isPaired ? d ^ 1 : d;
      sum = addProduct(facts.isFused, rounded[at] as number, key.values[at] as number, sum);
    }
    return fround(sum * fround(scale * key.scale));
  });
}

/** The query in 16 bits: sums are exact integers. */
function integerScores(query: Floats, keys: readonly PoolVector[], scale: number): number[] {
  const padded = Math.ceil(query.length / 16) * 16;
  const limit = fround(fround(2147483000) / fround(127 * padded));
  const most = limit < MAX_INT16 ? Math.trunc(limit) : MAX_INT16;
  const largest = query.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const factor = largest > 0 ? fround(most / largest) : 0;
  const levels = query.map((value) => roundEven(fround(value * factor)));
  const queryScale = fround(largest / most);
  return keys.map((key) => {
    let dot = 0;
    for (const [d, level] of levels.entries()) dot += level * (key.values[d] as number);
    return fround(fround(fround(dot) * queryScale) * fround(scale * key.scale));
  });
}

function sumOfWeights(weights: readonly number[], facts: RoundingFacts): number {
  if (facts.softmaxSum === "sequence") {
    return weights.reduce((sum, weight) => fround(sum + weight), 0);
  }
  const width = 4 * facts.lanes;
  const sums = Array.from({ length: width }, () => 0);
  for (const [j, weight] of weights.entries()) {
    sums[j % width] = fround((sums[j % width] as number) + weight);
  }
  return addFourVectors(sums, facts);
}

function addValues(
  { values, pool }: HeadAttention,
  weights: readonly number[],
  sums: Floats,
  facts: RoundingFacts,
): void {
  if (facts.attention === "pool" && pool === "int8") {
    addIntegerValues(values, weights, sums);
    return;
  }
  const isPaired = facts.attention === "pool" && pool === "bfloat16";
  for (let position = 0; position < values.length + (values.length % 2); position++) {
    const value = values[isPaired ? position ^ 1 : position];
    const weight = weights[isPaired ? position ^ 1 : position];
    if (value === undefined || weight === undefined) continue;
    const factor = isPaired ? toBf16(weight) : fround(weight * value.scale);
    for (const [d, sum] of sums.entries()) {
      sums[d] = addProduct(facts.isFused, factor, value.values[d] as number, sum);
    }
  }
}

/** The weights in 16 bits, each with its V's scale in it. */
function addIntegerValues(
  values: readonly PoolVector[],
  weights: readonly number[],
  sums: Floats,
): void {
  const scaled = values.map(({ scale }, j) => fround((weights[j] as number) * scale));
  const largest = Math.max(...scaled);
  const factor = largest > 0 ? fround(MAX_INT16 / largest) : 0;
  const levels = scaled.map((weight) => roundEven(fround(weight * factor)));
  const scale = fround(largest / MAX_INT16);
  for (const [d, sum] of sums.entries()) {
    let dot = 0;
    for (const [j, level] of levels.entries()) dot += level * (values[j]?.values[d] as number);
    sums[d] = fround(fround(dot) * scale + sum);
  }
}
