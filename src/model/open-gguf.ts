// Opens a GGUF file as a model: one file for everything that a directory of the Hugging Face hub has.

import { basename } from "node:path";
import { showFound } from "../base/describe-issue.ts";
import { familyOf } from "./families.ts";
import { readRange } from "./file-bytes.ts";
import { parseGgufGenerationDefaults } from "./generation-config.ts";
import { parseGgufConfig } from "./gguf-config.ts";
import { type GgufFile, readGguf } from "./gguf-file.ts";
import { checkGgufKeys, unusedSamplingKeys } from "./gguf-keys.ts";
import { type ModelCard, ModelError, type ModelFiles } from "./model-files.ts";
import { selectTensors } from "./select-tensors.ts";
import { checkAllUsed } from "./unused-tensors.ts";

/** Divisors of the rotary frequencies, where the model scales them; part of the configuration. */
const ROPE_FACTORS = "rope_freqs.weight";

export async function openGguf(path: string): Promise<ModelFiles> {
  const file = await readGguf(path);
  const card = await cardOf(file);
  const stored = file.tensors;
  const { tensors, used } = selectTensors({
    ...{ place: path, format: "gguf", config: card.config, stored, quantization: undefined },
  });
  await checkAllUsed({ stored, used, others: [ROPE_FACTORS] });
  return { ...card, tensors };
}

export async function openGgufConfig(path: string): Promise<ModelCard> {
  return cardOf(await readGguf(path));
}

async function cardOf(file: GgufFile): Promise<ModelCard> {
  const config = parseGgufConfig(file, await readRopeFactors(file));
  const { path, metadata } = file;
  const unused = [...checkGgufKeys(metadata, familyOf(config)), ...unusedSamplingKeys(metadata)];
  return {
    path,
    config,
    generationDefaults: parseGgufGenerationDefaults(metadata),
    unusedKeys: unused.map((key) => `${basename(path)}: ${key}`),
  };
}

// A factor for each pair of a head, and no head is larger than config-rules.ts allows.
const MAX_ROPE_FACTORS = 2048;

async function readRopeFactors({ tensors }: GgufFile): Promise<readonly number[] | undefined> {
  const tensor = tensors.get(ROPE_FACTORS);
  if (tensor === undefined) return undefined;
  const { dtype, shape, numBytes, path } = tensor;
  const place = `${path}: tensor "${ROPE_FACTORS}"`;
  if (dtype !== "F32" || shape.length !== 1 || numBytes > 4 * MAX_ROPE_FACTORS) {
    throw new ModelError(
      `${place} has the type ${dtype} and the shape ${showFound(shape)}; expected a short list in F32`,
    );
  }
  const bytes = await readRange(tensor);
  const factors = Array.from(new Float32Array(bytes.buffer));
  if (factors.every((factor) => factor > 0 && Number.isFinite(factor))) return factors;
  throw new ModelError(`${place} has a factor that is not above 0; the file is damaged`);
}
