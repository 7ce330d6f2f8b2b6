// Models whose layers attend to the last tokens only. The engine attends to the whole context, which is the
// same as long as the context fits into the window.

import type { JsonObject, Range } from "./json-object.ts";
import { ModelError } from "./model-error.ts";
import type { Architecture, ModelConfig } from "./model-files.ts";

type Layers = Pick<ModelConfig, "architecture" | "numLayers" | "maxPositionEmbeddings">;

const WINDOW: Range = { min: 1, max: 2 ** 31 };

// The defaults of transformers' MistralConfig, Qwen2Config and Qwen3Config.
const DEFAULT_WINDOW = 4096;
const DEFAULT_MAX_WINDOW_LAYERS = 28;

/** Throws `ModelError` when config.json asks for a window that the context goes beyond. */
export function checkFullAttention(json: JsonObject, layers: Layers): void {
  const window = windowOf(json, layers);
  const { maxPositionEmbeddings } = layers;
  if (window === undefined || window >= maxPositionEmbeddings) return;
  throw new ModelError(
    `${json.place}: sliding_window is ${window} in a context of ${maxPositionEmbeddings}; sliding windows ` +
      `are not supported. To serve what fits into one, set max_position_embeddings to ${window}`,
  );
}

function windowOf(json: JsonObject, { architecture, numLayers }: Layers): number | undefined {
  // A `null` turns the window off; only a key that is not there means the default.
  const window = json.has("sliding_window")
    ? json.integer("sliding_window", WINDOW)
    : DEFAULT_WINDOW;
  return WINDOWED[architecture](json, numLayers) ? window : undefined;
}

/** Whether any of the layers looks at the window. */
const WINDOWED: Readonly<Record<Architecture, (json: JsonObject, numLayers: number) => boolean>> = {
  llama: () => false,
  mistral: () => true,
  qwen2: hasWindowedLayer,
  qwen3: hasWindowedLayer,
};

function hasWindowedLayer(json: JsonObject, numLayers: number): boolean {
  if (!json.boolean("use_sliding_window")) return false;
  const types = json.strings("layer_types");
  if (types !== undefined) return types.includes("sliding_attention");
  const first = json.integer("max_window_layers", { min: 0, max: 2 ** 31 });
  return (first ?? DEFAULT_MAX_WINDOW_LAYERS) < numLayers;
}
