// Opens a Hugging Face model directory: configuration and headers are read and checked, the weights'
// bytes are left to the engine.

import { join } from "node:path";

import { parseGenerationDefaults } from "./generation-config.ts";
import { readJsonObject } from "./json-object.ts";
import { parseLlamaConfig } from "./llama-config.ts";
import { selectLlamaTensors } from "./llama-tensors.ts";
import { ModelNotFoundError } from "./model-error.ts";
import type { ModelCard, ModelFiles } from "./model-files.ts";
import { resolveModelDirectory } from "./model-path.ts";
import { readSafetensors } from "./safetensors.ts";

/** Opens a model with its weights. Throws `ModelError`, or `ModelNotFoundError` where there is none. */
export async function openModel(directory: string): Promise<ModelFiles> {
  const card = await openModelConfig(directory);
  const stored = await readSafetensors(card.directory);
  return { ...card, tensors: selectLlamaTensors(card.directory, card.config, stored) };
}

/** Opens config.json and generation_config.json alone, for those who need no weights. */
export async function openModelConfig(model: string): Promise<ModelCard> {
  const directory = await resolveModelDirectory(model);
  const config = await readJsonObject(join(directory, "config.json"));
  if (config === undefined) {
    throw new ModelNotFoundError(
      `${directory} has no config.json; give the path of a Hugging Face model directory`,
    );
  }
  const generation = await readJsonObject(join(directory, "generation_config.json"));
  return {
    directory,
    config: parseLlamaConfig(config, generation),
    generationDefaults: parseGenerationDefaults(generation),
  };
}
