// Models whose layers attend to the last tokens only. The engine knows one window for all layers.

import type { JsonObject, Range } from "./json-object.ts";
import { ModelError } from "./model-error.ts";
import type { Architecture, ModelConfig } from "./model-files.ts";

type Layers = Pick<ModelConfig, "architecture" | "numLayers" | "maxPositionEmbeddings">;

const WINDOW: Range = { min: 1, max: 2 ** 31 - 1 };

// The defaults of transformers' MistralConfig, Qwen2Config and Qwen3Config.
const DEFAULT_WINDOW = 4096;
const DEFAULT_MAX_WINDOW_LAYERS = 28;

/**
 * The window of config.json; undefined where no token is further back. Throws `ModelError` when only some of the
 * layers have it.
 */
export function parseSlidingWindow(json: JsonObject, layers: Layers): number | undefined {
  const { architecture, numLayers, maxPositionEmbeddings } = layers;
  // A `null` turns the window off; only a key that is not there means the default.
  const window = json.has("sliding_window")
    ? json.integer("sliding_window", WINDOW)
    : DEFAULT_WINDOW;
  const numWindowed = WINDOWED[architecture](json, numLayers);
  if (window === undefined || numWindowed === 0 || window >= maxPositionEmbeddings)
    return undefined;
  if (numWindowed === numLayers) return window;
  throw new ModelError(
    `${json.place}: sliding_window is ${window} in a context of ${maxPositionEmbeddings}, for ${numWindowed} of ` +
      `${numLayers} layers; a window is supported for all layers alike. To serve what fits into one, set ` +
      `max_position_embeddings to ${window}`,
  );
}

/** How many of the layers look at the window. */
const WINDOWED: Readonly<Record<Architecture, (json: JsonObject, numLayers: number) => number>> = {
  llama: () => 0,
  mistral: (_, numLayers) => numLayers,
  qwen2: countWindowedLayers,
  qwen3: countWindowedLayers,
};

function countWindowedLayers(json: JsonObject, numLayers: number): number {
  if (!json.boolean("use_sliding_window")) return 0;
  const types = json.strings("layer_types");
  if (types !== undefined) {
    return types.slice(0, numLayers).filter((type) => type === "sliding_attention").length;
  }
  const first = json.integer("max_window_layers", { min: 0, max: 2 ** 31 });
  return Math.max(0, numLayers - (first ?? DEFAULT_MAX_WINDOW_LAYERS));
}
