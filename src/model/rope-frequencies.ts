// The rotary embedding's frequencies (RoPE, arXiv:2104.09864): by how much each pair of a head turns from one
// position to the next. D is the head size, pairs are i = 0 .. D/2 - 1.

import { unreachable } from "../base/assert.ts";
import type { Llama3RopeScaling, ModelConfig, Rotary, YarnRopeScaling } from "./model-files.ts";

type HeadRotary = Pick<ModelConfig, "headSize"> & Rotary;

/** [D / 2], radians a position. Unscaled: theta^(-2i / D). */
export function ropeFrequencies({ headSize, ropeTheta, ropeScaling }: HeadRotary): Float64Array {
  const plain = Float64Array.from(
    { length: headSize / 2 },
    (_, pair) => ropeTheta ** ((-2 * pair) / headSize),
  );
  if (ropeScaling === undefined) return plain;
  switch (ropeScaling.type) {
    case "none":
      return plain.fill(0);
    case "linear":
      return plain.map((frequency) => frequency / ropeScaling.factor);
    case "factors":
      return plain.map((frequency, pair) => frequency / (ropeScaling.factors[pair] as number));
    case "llama3":
      return plain.map((frequency) => llama3Frequency(frequency, ropeScaling));
    case "yarn":
      return yarnFrequencies(plain, ropeTheta, ropeScaling);
    default:
      return unreachable(ropeScaling);
  }
}

/** Factor of sine and cosine. */
export function ropeMagnitude({ ropeScaling }: Pick<Rotary, "ropeScaling">): number {
  return ropeScaling?.type === "yarn" ? ropeScaling.attentionFactor : 1;
}

/** Divided below `lowFreqFactor` turns in the original context, kept above `highFreqFactor`, blended between. */
function llama3Frequency(frequency: number, scaling: Llama3RopeScaling): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling;
  const turns = (originalMaxPositionEmbeddings * frequency) / (2 * Math.PI);
  if (turns < lowFreqFactor) return frequency / factor;
  if (turns > highFreqFactor) return frequency;
  const kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - kept) * frequency) / factor + kept * frequency;
}

/** Like Llama 3's, but the blend is linear in the index of the pair. */
function yarnFrequencies(
  plain: Float64Array,
  theta: number,
  scaling: YarnRopeScaling,
): Float64Array {
  const { factor, originalMaxPositionEmbeddings, betaFast, betaSlow, truncate } = scaling;
  const headSize = 2 * plain.length;
  // The pair that turns so many times in the original context.
  const pairOf = (turns: number) =>
    (headSize * Math.log(originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) /
    (2 * Math.log(theta));
  const fast = pairOf(betaFast);
  const slow = pairOf(betaSlow);
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, headSize - 1);
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, pair) => {
    const divided = Math.min(1, Math.max(0, (pair - low) / width));
    return (divided * frequency) / factor + (1 - divided) * frequency;
  });
}
