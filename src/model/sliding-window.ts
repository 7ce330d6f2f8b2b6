// Models whose layers attend to the last tokens only. The engine knows one window for all layers.

import type { SlidingWindowRule } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import { type ModelConfig, ModelError } from "./model-files.ts";
import { type Range, SWITCH, TEXTS, whole } from "./value-schemas.ts";

interface Layers extends Pick<ModelConfig, "numLayers" | "maxPositionEmbeddings"> {
  readonly layerTypes: readonly string[] | undefined;
}

const WINDOW: Range = { min: 1, max: 2 ** 31 - 1 };

// The defaults of transformers' MistralConfig, Qwen2Config and Qwen3Config.
const DEFAULT_WINDOW = 4096;
const DEFAULT_MAX_WINDOW_LAYERS = 28;

const FULL = "full_attention";
const WINDOWED = "sliding_attention";

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

/**
 * The window of config.json; undefined where no token is further back. Throws `ModelError` when only some of the
 * layers have it.
 */
export function parseSlidingWindow(
  json: JsonObject,
  rule: SlidingWindowRule,
  layers: Layers,
): number | undefined {
  const { numLayers, maxPositionEmbeddings } = layers;
  if (rule === "none") return refuseWindow(json, layers);
  // A `null` turns the window off; only a key that is not there means the default.
  const window = json.has("sliding_window")
    ? json.read("sliding_window", whole(WINDOW))
    : DEFAULT_WINDOW;
  const numWindowed = countWindowedLayers(json, rule, layers);
  if (window === undefined || numWindowed === 0 || window >= maxPositionEmbeddings)
    return undefined;
  if (numWindowed === numLayers) return window;
  throw new ModelError(
    `${json.place}: sliding_window is ${window} in a context of ${maxPositionEmbeddings}, for ${numWindowed} of ` +
      `${numLayers} layers; a window is supported for all layers alike. To serve what fits into one, set ` +
      `max_position_embeddings to ${window}`,
  );
}

/** transformers' Llama has no window, so a file that gives it one is of a model that computes something else. */
function refuseWindow(json: JsonObject, { maxPositionEmbeddings, layerTypes }: Layers): undefined {
  const window = json.read("sliding_window", whole(WINDOW));
  if (window === undefined || window >= maxPositionEmbeddings) return;
  if (layerTypes?.every((type) => type === FULL)) return;
  throw new ModelError(
    `${json.place}: sliding_window is ${window} in a Llama, whose layers attend to all tokens; remove it where ` +
      "that is right",
  );
}

/** How many of the layers look at the window. */
function countWindowedLayers(json: JsonObject, rule: SlidingWindowRule, layers: Layers): number {
  const { numLayers, layerTypes } = layers;
  const isSwitched = rule === "upper layers";
  if (isSwitched && !json.read("use_sliding_window", SWITCH)) return 0;
  if (layerTypes !== undefined) return layerTypes.filter((type) => type === WINDOWED).length;
  if (!isSwitched) return numLayers;
  const first = json.read("max_window_layers", whole({ min: 0, max: 2 ** 31 }));
  return Math.max(0, numLayers - (first ?? DEFAULT_MAX_WINDOW_LAYERS));
}
