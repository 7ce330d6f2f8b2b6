// config.json of a Llama-shaped model. Keys and defaults follow transformers' configuration classes; what
// they would default and no real file leaves out (sizes) must be there.

import {
  COUNT,
  checkHeadSize,
  checkNumKvHeads,
  EPSILON,
  joinEosTokenIds,
  SIZE,
  tokenIdRange,
} from "./config-rules.ts";
import type { Family } from "./families/family.ts";
import { FAMILIES } from "./families.ts";
import type { JsonObject } from "./json-object.ts";
import { ModelError } from "./model-error.ts";
import type { ModelConfig, RopeScaling } from "./model-files.ts";
import { parseRotary } from "./rope-parameters.ts";
import { checkRotatedShare } from "./rope-scaling.ts";
import { parseLayerTypes, parseSlidingWindow } from "./sliding-window.ts";

/** `generation` is generation_config.json, where there is one: it may name more end tokens. */
export function parseConfigJson(json: JsonObject, generation: JsonObject | undefined): ModelConfig {
  const family = parseFamily(json);
  checkLayers(json, family);
  const vocabSize = json.requiredInteger("vocab_size", SIZE);
  const hiddenSize = json.requiredInteger("hidden_size", SIZE);
  const numLayers = json.requiredInteger("num_hidden_layers", COUNT);
  const numHeads = json.requiredInteger("num_attention_heads", COUNT);
  const layerTypes = parseLayerTypes(json, numLayers);
  const ids = tokenIdRange(vocabSize);
  const files = generation === undefined ? [json] : [json, generation];
  const rotary = parseRotary(json, layerTypes);
  const maxPositionEmbeddings = longestContext(
    json.integer("max_position_embeddings", SIZE) ?? family.defaults.maxPositionEmbeddings,
    rotary.ropeScaling,
  );
  return {
    architecture: family.name,
    attentionBias: family.attentionBias === "always",
    qkNorm: family.qkNorm,
    vocabSize,
    hiddenSize,
    intermediateSize: json.requiredInteger("intermediate_size", SIZE),
    numLayers,
    numHeads,
    numKvHeads: checkNumKvHeads(
      json,
      numHeads,
      json.integer("num_key_value_heads", COUNT) ?? numHeads,
    ),
    headSize: checkHeadSize(
      json,
      json.integer("head_dim", COUNT) ?? family.defaults.headSize ?? hiddenSize / numHeads,
      "head_dim",
    ),
    rmsNormEps: json.number("rms_norm_eps", EPSILON) ?? 1e-6,
    ...rotary,
    ropeLayout: "halves",
    slidingWindow: parseSlidingWindow(json, family.slidingWindow, {
      ...{ numLayers, maxPositionEmbeddings, layerTypes },
    }),
    maxPositionEmbeddings,
    tieWordEmbeddings: json.boolean("tie_word_embeddings") ?? false,
    bosTokenId: json.integers("bos_token_id", ids)?.[0],
    eosTokenIds: joinEosTokenIds(
      files.map(({ place }) => place),
      files.flatMap((file) => file.integers("eos_token_id", ids) ?? []),
    ),
  };
}

/** YaRN is added to a model's file by those who want a longer context, and few change the other number then. */
function longestContext(maxPositionEmbeddings: number, scaling: RopeScaling | undefined): number {
  if (scaling?.type !== "yarn") return maxPositionEmbeddings;
  const stretched = Math.floor(scaling.factor * scaling.originalMaxPositionEmbeddings);
  return Math.max(maxPositionEmbeddings, Math.min(stretched, SIZE.max));
}

function parseFamily(json: JsonObject): Family {
  const names = json.strings("architectures") ?? [];
  const type = json.get("model_type");
  const known =
    names.length > 0
      ? names.map(familyOfClass).find((family) => family !== undefined)
      : FAMILIES.find(({ name }) => name === type);
  if (known !== undefined) return known;
  const found = names.join(", ") || (json.string("model_type") ?? "no architecture");
  const supported = FAMILIES.map(({ architecture }) => architecture).join(", ");
  throw new ModelError(`${json.place}: architectures names ${found}; supported: ${supported}`);
}

function familyOfClass(name: string): Family | undefined {
  return FAMILIES.find(({ architecture }) => architecture === name);
}

/** What would make the layers other than the family's. */
function checkLayers(json: JsonObject, { attentionBias }: Family): void {
  // A family that has its bias has it whatever this key says.
  const biases = attentionBias === "always" ? ["mlp_bias"] : ["attention_bias", "mlp_bias"];
  for (const key of biases) {
    if (json.boolean(key)) {
      throw new ModelError(`${json.place}: ${key} is true; only layers without bias are supported`);
    }
  }
  checkRotatedShare(json);
  const activation = json.string("hidden_act") ?? "silu";
  if (activation !== "silu" && activation !== "swish") {
    throw new ModelError(`${json.place}: hidden_act is "${activation}"; supported: silu`);
  }
}
