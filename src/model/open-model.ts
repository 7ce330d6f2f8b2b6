// Opens a model: configuration and headers are read and checked, the weights' bytes are left to the engine.

import { join } from "node:path";
import { parseFamily } from "./config-family.ts";
import { parseConfigJson } from "./config-json.ts";
import { configKeys, WRAPPER_KEYS } from "./config-keys.ts";
import { roundEmbeddingScale } from "./embedding-scale.ts";
import type { Wrapper } from "./families/family.ts";
import { parseGenerationDefaults, unusedGenerationKeys } from "./generation-config.ts";
import { checkGroupOrder } from "./grouped-weight.ts";
import { readJsonObject } from "./json-object.ts";
import { checkKeys } from "./key-rules.ts";
import { type ModelCard, type ModelFiles, ModelNotFoundError } from "./model-files.ts";
import { locateModel } from "./model-path.ts";
import { openGguf, openGgufConfig } from "./open-gguf.ts";
import { openPacked } from "./packed-model.ts";
import { readSafetensors } from "./safetensors.ts";
import { selectTensors } from "./select-tensors.ts";
import { resolveTiedHead, tiedCopies } from "./tied-head.ts";
import { checkAllUsed } from "./unused-tensors.ts";
import {
  checkQuantizationKeys,
  parseWeightQuantization,
  type WeightQuantization,
} from "./weight-quantization.ts";
import { textTensors } from "./wrapped-tensors.ts";

/**
 * Opens a model with its weights: a Hugging Face model directory, a GGUF file, or a directory with one.
 * Throws `ModelError`, or `ModelNotFoundError` where there is none.
 */
export async function openModel(model: string): Promise<ModelFiles> {
  const { format, path } = await locateModel(model);
  if (format === "gguf") return openGguf(path);
  if (format === "packed") return openPacked(path);
  const { card, quantization, wrapper } = await openDirectory(path);
  const stored = textTensors(await readSafetensors(path), wrapper);
  const config = roundEmbeddingScale(await resolveTiedHead(card.config, stored), stored);
  const source = { place: path, format: "huggingFace", config, stored, quantization } as const;
  const { tensors, used } = selectTensors(source);
  await checkAllUsed({ stored, used, others: tiedCopies(config) });
  await checkGroupOrder(tensors.values());
  return { ...card, config, tensors };
}

/** Opens a model's configuration alone, for those who need no weights. */
export async function openModelConfig(model: string): Promise<ModelCard> {
  const { format, path } = await locateModel(model);
  if (format === "gguf") return openGgufConfig(path);
  return format === "packed" ? openPacked(path) : (await openDirectory(path)).card;
}

interface ConfigFiles {
  readonly card: ModelCard;
  readonly quantization: WeightQuantization | undefined;
  readonly wrapper: Wrapper | undefined;
}

async function openDirectory(directory: string): Promise<ConfigFiles> {
  const config = await readJsonObject(join(directory, "config.json"));
  if (config === undefined) {
    throw new ModelNotFoundError(
      `${directory} has no config.json and no GGUF file; give the path of a Hugging Face model ` +
        "directory, or of a GGUF file",
    );
  }
  const generation = await readJsonObject(join(directory, "generation_config.json"));
  const { family, json, wrapper } = parseFamily(config);
  const quantization = parseWeightQuantization(json);
  const unusedKeys = [
    ...checkKeys(json, configKeys(family)),
    ...(wrapper === undefined ? [] : checkKeys(config, WRAPPER_KEYS)),
    ...checkQuantizationKeys(json).map((key) => `quantization_config: ${key}`),
  ];
  const card = {
    path: directory,
    config: parseConfigJson(config, generation),
    generationDefaults: parseGenerationDefaults(generation),
    unusedKeys: [
      ...unusedKeys.map((key) => `config.json: ${key}`),
      ...unusedGenerationKeys(generation).map((key) => `generation_config.json: ${key}`),
    ],
  };
  return { card, quantization, wrapper };
}
