// Models whose layers, or some of them, attend to the last tokens only.

import type { SlidingWindowRule } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import { type ModelConfig, ModelError } from "./model-files.ts";
import { type Range, SWITCH, TEXT, TEXTS, whole } from "./value-schemas.ts";

interface Layers extends Pick<ModelConfig, "numLayers" | "maxPositionEmbeddings"> {
  readonly layerTypes: readonly string[] | undefined;
}

/** The window, and the layers that look at it. */
export interface Windows {
  /** Undefined where no token is further back. */
  readonly slidingWindow: number | undefined;
  /** [numLayers] */
  readonly layers: readonly boolean[];
}

const WINDOW: Range = { min: 1, max: 2 ** 31 - 1 };

// The defaults of transformers' configuration classes.
const DEFAULT_WINDOW = 4096;
const DEFAULT_MAX_WINDOW_LAYERS = 28;

export const FULL = "full_attention";
export const WINDOWED = "sliding_attention";

/** `layer_types`, one for each layer; undefined where the configuration has none. */
export function parseLayerTypes(
  json: JsonObject,
  numLayers: number,
): readonly string[] | undefined {
  const types = json.read("layer_types", TEXTS);
  if (types === undefined) return undefined;
  if (types.length < numLayers) {
    throw new ModelError(
      `${json.place}: layer_types names ${types.length} layers, of ${numLayers} that there are`,
    );
  }
  const used = types.slice(0, numLayers);
  const other = used.find((type) => type !== FULL && type !== WINDOWED);
  if (other === undefined) return used;
  throw new ModelError(
    `${json.place}: layer_types names "${other}"; supported: ${FULL}, ${WINDOWED}`,
  );
}

/** The windows of config.json. Throws `ModelError` where the family has none. */
export function parseWindows(json: JsonObject, rule: SlidingWindowRule, layers: Layers): Windows {
  const { numLayers, maxPositionEmbeddings } = layers;
  if (rule === "none") {
    refuseWindow(json, layers);
    return { slidingWindow: undefined, layers: Array(numLayers).fill(false) };
  }
  // A `null` turns the window off; only a key that is not there means the default.
  const window = json.has("sliding_window")
    ? json.read("sliding_window", whole(WINDOW))
    : DEFAULT_WINDOW;
  const isShort = window !== undefined && window < maxPositionEmbeddings;
  return {
    slidingWindow: isShort ? window : undefined,
    layers:
      window === undefined ? Array(numLayers).fill(false) : windowedLayers(json, rule, layers),
  };
}

/** transformers' Llama has no window, so a file that gives it one is of a model that computes something else. */
function refuseWindow(json: JsonObject, { maxPositionEmbeddings, layerTypes }: Layers): void {
  const window = json.read("sliding_window", whole(WINDOW));
  if (window === undefined || window >= maxPositionEmbeddings) return;
  if (layerTypes?.every((type) => type === FULL)) return;
  throw new ModelError(
    `${json.place}: sliding_window is ${window} in a Llama, whose layers attend to all tokens; remove it where ` +
      "that is right",
  );
}

function windowedLayers(
  json: JsonObject,
  rule: Exclude<SlidingWindowRule, "none">,
  { numLayers, layerTypes }: Layers,
): readonly boolean[] {
  const each = (isWindowed: (layer: number) => boolean) =>
    Array.from({ length: numLayers }, (_, layer) => isWindowed(layer));
  if (rule === "upper layers" && !json.read("use_sliding_window", SWITCH)) return each(() => false);
  if (layerTypes !== undefined) return layerTypes.map((type) => type === WINDOWED);
  if (rule === "all layers") return each(() => true);
  if (rule === "upper layers") {
    const first = json.read("max_window_layers", whole({ min: 0, max: 2 ** 31 }));
    return each((layer) => layer >= (first ?? DEFAULT_MAX_WINDOW_LAYERS));
  }
  return each(patternOf(json) ?? allButEvery(rule.n));
}

/** Every nth layer is global: the last of each n. */
export function allButEvery(n: number): (layer: number) => boolean {
  return (layer) => (layer + 1) % n !== 0;
}

/** A number, or a letter for each layer of a group, L for those with a window. Newer files have the second name. */
function patternOf(json: JsonObject): ((layer: number) => boolean) | undefined {
  const key = ["sliding_window_pattern", "_sliding_window_pattern"].find((one) => json.get(one));
  if (key === undefined) return undefined;
  const pattern = json.get(key);
  if (typeof pattern !== "string")
    return allButEvery(json.require(key, whole({ min: 1, max: 4096 })));
  const letters = json.require(key, TEXT);
  if (/^[LG]+$/.test(letters)) return (layer) => letters[layer % letters.length] === "L";
  throw new ModelError(
    `${json.place}: ${key} is "${letters}"; supported: letters L and G, or a number`,
  );
}
