// How a model's layers attend, from its windows and rotary embeddings: all alike, or some of them local.

import type { Family } from "./families/family.ts";
import type { ModelConfig } from "./model-files.ts";
import type { Rotaries } from "./rope-parameters.ts";
import type { Windows } from "./sliding-window.ts";

type LayerKinds = Pick<ModelConfig, "ropeTheta" | "ropeScaling" | "slidingWindow" | "local">;

/** Puts the two together. */
export function layerKinds(
  { slidingWindow, layers }: Windows,
  rotaries: Rotaries,
  { decoder }: Family,
): LayerKinds {
  const { windowed } = rotaries;
  if (!layers.includes(true)) return { ...rotaries.full, slidingWindow: undefined };
  if (!layers.includes(false)) return { ...windowed, slidingWindow };
  const full =
    decoder?.localRope === "alone"
      ? { ...rotaries.full, ropeScaling: { type: "none" } as const }
      : rotaries.full;
  const differ = slidingWindow !== undefined || !Bun.deepEquals(full, windowed);
  return {
    ...full,
    slidingWindow: undefined,
    ...(differ && { local: { layers, slidingWindow, ...windowed } }),
  };
}
