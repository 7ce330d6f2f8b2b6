// Layers with a window in GGUF files. llama.cpp has it in its code which layers those are, and newer files say it too.

import { FACTOR } from "./config-rules.ts";
import type { Family, GgufFiles } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import { type ModelConfig, ModelError, type Rotary } from "./model-files.ts";
import { allButEvery, type Windows } from "./sliding-window.ts";
import { LIST, whole, within } from "./value-schemas.ts";

const WINDOW = whole({ min: 0, max: 2 ** 31 });

/** Throws `ModelError` at a window in a family that has none. */
export function parseGgufWindows(
  metadata: JsonObject,
  { architecture: name, globalEvery }: GgufFiles,
  { numLayers, maxPositionEmbeddings }: Pick<ModelConfig, "numLayers" | "maxPositionEmbeddings">,
): Windows {
  const key = `${name}.attention.sliding_window`;
  const window = metadata.read(key, WINDOW) ?? 0;
  const isShort = window > 0 && window < maxPositionEmbeddings;
  if (isShort && globalEvery === undefined) {
    throw new ModelError(
      `${metadata.place}: ${key} is ${window} in a context of ${maxPositionEmbeddings}; ` +
        "sliding windows are not supported in this family",
    );
  }
  const isWindowed =
    window === 0 || globalEvery === undefined
      ? () => false
      : (patternOf(metadata, `${key}_pattern`) ?? allButEvery(globalEvery));
  return {
    slidingWindow: isShort ? window : undefined,
    layers: Array.from({ length: numLayers }, (_, layer) => isWindowed(layer)),
  };
}

/** One global layer in so many; or a switch for each layer, true for those with a window. */
function patternOf(metadata: JsonObject, key: string): ((layer: number) => boolean) | undefined {
  const pattern = metadata.get(key);
  if (pattern === undefined) return undefined;
  if (!Array.isArray(pattern)) {
    return allButEvery(metadata.require(key, whole({ min: 1, max: 4096 })));
  }
  const switches = metadata.require(key, LIST);
  return (layer) => Boolean(switches[layer % switches.length]);
}

/** Rotary embedding of the layers with a window. */
export function ropeOfWindows(
  metadata: JsonObject,
  { gguf, decoder }: Family,
  ordinary: Rotary,
): Rotary {
  const own = metadata.read(`${gguf?.architecture}.rope.freq_base_swa`, within(FACTOR));
  switch (decoder?.localRope) {
    case "own base":
      return { ropeTheta: own ?? 10000, ropeScaling: undefined };
    case "unscaled":
      return { ropeTheta: own ?? ordinary.ropeTheta, ropeScaling: undefined };
    default:
      return { ...ordinary, ropeTheta: own ?? ordinary.ropeTheta };
  }
}
