// A GGUF file's metadata as the numbers of a Llama-shaped model. Keys:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; defaults are those of llama.cpp.

import { showFound } from "../base/describe-issue.ts";
import {
  COUNT,
  checkHeadSize,
  checkNumKvHeads,
  EPSILON,
  FACTOR,
  joinEosTokenIds,
  SIZE,
  tokenIdRange,
} from "./config-rules.ts";
import { parseGgufDecoderSteps } from "./decoder-steps.ts";
import { type Family, type GgufFiles, tensorName } from "./families/family.ts";
import { FAMILIES } from "./families.ts";
import type { GgufFile } from "./gguf-file.ts";
import type { GgufList } from "./gguf-reader.ts";
import { parseGgufWindows, ropeOfWindows } from "./gguf-windows.ts";
import type { JsonObject } from "./json-object.ts";
import { layerKinds } from "./layer-kinds.ts";
import { type ModelConfig, ModelError, type RopeScaling } from "./model-files.ts";
import { parseGgufRopeScaling } from "./rope-scaling.ts";
import { type Range, TEXT, TEXTS, whole, wholes, within } from "./value-schemas.ts";

/** Kinds of tokens in `tokenizer.ggml.token_type`: enum llama_token_type of llama.cpp. */
export const GgufTokenType = {
  NORMAL: 1,
  UNKNOWN: 2,
  CONTROL: 3,
  USER_DEFINED: 4,
  UNUSED: 5,
  BYTE: 6,
} as const;

/**
 * How the families' models end an answer. A file names one end token where generation_config.json names
 * several, so the others are known by their text, as llama.cpp knows them.
 */
const END_TEXTS: ReadonlySet<string> = new Set([
  "</s>",
  "<|end_of_text|>",
  "<|eom_id|>",
  "<|eot_id|>",
  "<|endoftext|>",
  "<|im_end|>",
  "<end_of_turn>",
  "[|endofturn|]",
]);

/** `ropeFactors` are the divisors of the rotary frequencies, where the file has any. */
export function parseGgufConfig(
  file: GgufFile,
  ropeFactors: readonly number[] | undefined,
): ModelConfig {
  const { metadata, tensors } = file;
  const family = parseFamily(metadata);
  const { architecture: name, ropeLayout } = family.gguf;
  const hiddenSize = metadata.require(`${name}.embedding_length`, whole(SIZE));
  const numHeads = metadata.require(`${name}.attention.head_count`, whole(COUNT));
  const keySize = `${name}.attention.key_length`;
  const headSize = checkHeadSize(
    metadata,
    metadata.read(keySize, whole(COUNT)) ?? hiddenSize / numHeads,
    keySize,
  );
  const maxPositionEmbeddings = metadata.require(`${name}.context_length`, whole(SIZE));
  checkLayers(metadata, name, headSize);
  const vocabSize = vocabSizeOf(file, tensorName(family, "embedding", "gguf"));
  const ids = tokenIdRange(vocabSize);
  const numLayers = metadata.require(`${name}.block_count`, whole(COUNT));
  const rotary = {
    ropeTheta: metadata.read(`${name}.rope.freq_base`, within(FACTOR)) ?? 10000,
    ropeScaling: parseRopeScaling(metadata, name, { headSize, ropeFactors }),
  };
  const windows = parseGgufWindows(metadata, family.gguf, { numLayers, maxPositionEmbeddings });
  return {
    architecture: family.name,
    attentionBias: hasAttentionBias(family, tensors),
    qkNorm: family.qkNorm,
    vocabSize,
    hiddenSize,
    intermediateSize: metadata.require(`${name}.feed_forward_length`, whole(SIZE)),
    numLayers,
    numHeads,
    numKvHeads: checkNumKvHeads(
      metadata,
      numHeads,
      metadata.read(`${name}.attention.head_count_kv`, whole(COUNT)) ?? numHeads,
    ),
    headSize,
    rmsNormEps: metadata.require(`${name}.attention.layer_norm_rms_epsilon`, within(EPSILON)),
    ...layerKinds(
      windows,
      { full: rotary, windowed: ropeOfWindows(metadata, family, rotary) },
      family,
    ),
    ropeLayout,
    ...parseGgufDecoderSteps(metadata, family, { hiddenSize, numLayers, numHeads, headSize }),
    maxPositionEmbeddings,
    tieWordEmbeddings: !tensors.has(tensorName(family, "head", "gguf")),
    bosTokenId: metadata.read("tokenizer.ggml.bos_token_id", whole(ids)),
    eosTokenIds: joinEosTokenIds([metadata.place], findEosTokenIds(file, ids)),
  };
}

function hasAttentionBias(family: Family, tensors: GgufFile["tensors"]): boolean {
  if (family.attentionBias !== "asked") return family.attentionBias === "always";
  return tensors.has(tensorName(family, "q_bias", "gguf").replace("*", "0"));
}

type GgufFamily = Family & { readonly gguf: GgufFiles };

function parseFamily(metadata: JsonObject): GgufFamily {
  const name = metadata.require("general.architecture", TEXT);
  const families = FAMILIES.filter((family): family is GgufFamily => family.gguf !== undefined);
  const known = families.find(({ gguf }) => gguf.architecture === name);
  if (known !== undefined) return known;
  const supported = families.map(({ gguf }) => gguf.architecture).join(", ");
  throw new ModelError(
    `${metadata.place}: general.architecture is ${showFound(name)}; supported: ${supported}`,
  );
}

/** Refuses layers other than the family's. */
function checkLayers(metadata: JsonObject, name: string, headSize: number): void {
  for (const key of [`${name}.attention.value_length`, `${name}.rope.dimension_count`]) {
    const size = metadata.read(key, whole(COUNT)) ?? headSize;
    if (size !== headSize) {
      throw new ModelError(
        `${metadata.place}: ${key} is ${size} in heads of size ${headSize}; supported: the same`,
      );
    }
  }
  const numExperts = metadata.read(`${name}.expert_count`, whole({ min: 0, max: 2 ** 31 })) ?? 0;
  if (numExperts > 0) {
    throw new ModelError(
      `${metadata.place}: a mixture of ${numExperts} experts; supported: models without experts`,
    );
  }
}

/** llama.cpp scales cosine and sine by it whatever the kind of scaling. */
function checkAttentionFactor(metadata: JsonObject, name: string): void {
  const key = `${name}.rope.scaling.attn_factor`;
  const factor = metadata.read(key, within(FACTOR)) ?? 1;
  if (factor === 1) return;
  throw new ModelError(`${metadata.place}: ${key} is ${factor}; supported: with YaRN only`);
}

/** Llama 3's scaling is a tensor of factors; the other kinds have keys. */
function parseRopeScaling(
  metadata: JsonObject,
  name: string,
  { headSize, ropeFactors }: { headSize: number; ropeFactors: readonly number[] | undefined },
): RopeScaling | undefined {
  const scaling = parseGgufRopeScaling(metadata, name);
  if (scaling?.type !== "yarn") checkAttentionFactor(metadata, name);
  if (ropeFactors === undefined) return scaling;
  if (scaling !== undefined) {
    throw new ModelError(
      `${metadata.place}: both ${name}.rope.scaling.type (${scaling.type}) and factors for the rotary ` +
        "frequencies; supported: one of them",
    );
  }
  if (ropeFactors.length === headSize / 2) return { type: "factors", factors: ropeFactors };
  throw new ModelError(
    `${metadata.place}: ${ropeFactors.length} factors for the rotary frequencies; heads of size ${headSize} ` +
      `need ${headSize / 2}`,
  );
}

/** The file may pad its vocabulary, and not every file says how large it is. */
function vocabSizeOf({ metadata, tensors }: GgufFile, name: string): number {
  const embedding = tensors.get(name);
  if (embedding === undefined)
    throw new ModelError(`${metadata.place}: tensor "${name}" is missing`);
  const [vocabSize = 0] = embedding.shape;
  if (embedding.shape.length === 2 && vocabSize >= SIZE.min && vocabSize <= SIZE.max) {
    return vocabSize;
  }
  throw new ModelError(
    `${embedding.path}: tensor "${name}" has the shape ${showFound(embedding.shape)}; ` +
      `expected 2 sizes, the first from ${SIZE.min} to ${SIZE.max}`,
  );
}

function findEosTokenIds({ metadata, lists }: GgufFile, ids: Range): readonly number[] {
  const found = ["eos", "eot", "eom"].flatMap(
    (end) => metadata.read(`tokenizer.ggml.${end}_token_id`, whole(ids)) ?? [],
  );
  const types = lists.get("tokenizer.ggml.token_type");
  const tokens = lists.get("tokenizer.ggml.tokens");
  if (types === undefined || tokens === undefined) return found;
  checkVocabulary(metadata, types, tokens);
  // Some hundred of 150,000 tokens are control tokens, and no other's text is decoded.
  const numTokens = Math.min(types.length, tokens.length, ids.max + 1);
  for (let id = 0; id < numTokens; id++) {
    if (types.at(id) === GgufTokenType.CONTROL && END_TEXTS.has(String(tokens.at(id)))) {
      found.push(id);
    }
  }
  return found;
}

/** Throws where the lists are not of what they should be. */
function checkVocabulary(metadata: JsonObject, types: GgufList, tokens: GgufList): void {
  if (types.items !== "integers") {
    metadata.read("tokenizer.ggml.token_type", wholes({ min: 0, max: 2 ** 31 }));
  }
  if (tokens.items !== "strings") metadata.read("tokenizer.ggml.tokens", TEXTS);
}
