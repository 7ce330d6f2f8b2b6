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
import { type ModelConfig, ModelError, type RopeScaling } from "./model-files.ts";
import { parseRotary } from "./rope-parameters.ts";
import { checkRotatedShare } from "./rope-scaling.ts";
import { parseLayerTypes, parseSlidingWindow } from "./sliding-window.ts";
import { SWITCH, TEXT, TEXTS, whole, wholes, within } from "./value-schemas.ts";

/** `generation` is generation_config.json, where there is one: it may name more end tokens. */
export function parseConfigJson(json: JsonObject, generation: JsonObject | undefined): ModelConfig {
  const family = parseFamily(json);
  checkLayers(json, family);
  const vocabSize = json.require("vocab_size", whole(SIZE));
  const hiddenSize = json.require("hidden_size", whole(SIZE));
  const numLayers = json.require("num_hidden_layers", whole(COUNT));
  const numHeads = json.require("num_attention_heads", whole(COUNT));
  const layerTypes = parseLayerTypes(json, numLayers);
  const ids = tokenIdRange(vocabSize);
  const files = generation === undefined ? [json] : [json, generation];
  const rotary = parseRotary(json, layerTypes);
  const maxPositionEmbeddings = longestContext(
    json.read("max_position_embeddings", whole(SIZE)) ?? family.defaults.maxPositionEmbeddings,
    rotary.ropeScaling,
  );
  return {
    architecture: family.name,
    attentionBias: hasAttentionBias(json, family),
    qkNorm: family.qkNorm,
    vocabSize,
    hiddenSize,
    intermediateSize: json.require("intermediate_size", whole(SIZE)),
    numLayers,
    numHeads,
    numKvHeads: checkNumKvHeads(
      json,
      numHeads,
      json.read("num_key_value_heads", whole(COUNT)) ?? numHeads,
    ),
    headSize: checkHeadSize(
      json,
      json.read("head_dim", whole(COUNT)) ?? family.defaults.headSize ?? hiddenSize / numHeads,
      "head_dim",
    ),
    rmsNormEps: json.read("rms_norm_eps", within(EPSILON)) ?? 1e-6,
    ...rotary,
    ropeLayout: family.ropeLayout,
    slidingWindow: parseSlidingWindow(json, family.slidingWindow, {
      ...{ numLayers, maxPositionEmbeddings, layerTypes },
    }),
    maxPositionEmbeddings,
    tieWordEmbeddings: json.read("tie_word_embeddings", SWITCH) ?? false,
    bosTokenId: json.read("bos_token_id", wholes(ids))?.[0],
    eosTokenIds: joinEosTokenIds(
      files.map(({ place }) => place),
      files.flatMap((file) => file.read("eos_token_id", wholes(ids)) ?? []),
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
  const names = json.read("architectures", TEXTS) ?? [];
  const type = json.get("model_type");
  const known =
    names.length > 0
      ? names.map(familyOfClass).find((family) => family !== undefined)
      : FAMILIES.find(({ name }) => name === type);
  if (known !== undefined) return known;
  const found = names.join(", ") || (json.read("model_type", TEXT) ?? "no architecture");
  const supported = FAMILIES.map(({ architecture }) => architecture).join(", ");
  throw new ModelError(`${json.place}: architectures names ${found}; supported: ${supported}`);
}

function familyOfClass(name: string): Family | undefined {
  return FAMILIES.find(({ architecture }) => architecture === name);
}

function hasAttentionBias(json: JsonObject, { attentionBias }: Family): boolean {
  if (attentionBias !== "asked") return attentionBias === "always";
  return json.read("attention_bias", SWITCH) ?? true; // the default of SeedOssConfig
}

/** Refuses layers other than the family's. */
function checkLayers(json: JsonObject, { attentionBias }: Family): void {
  // A family that has its bias has it whatever this key says.
  const biases = attentionBias === "never" ? ["attention_bias", "mlp_bias"] : ["mlp_bias"];
  for (const key of biases) {
    if (json.read(key, SWITCH)) {
      throw new ModelError(`${json.place}: ${key} is true; only layers without bias are supported`);
    }
  }
  checkRotatedShare(json);
  const activation = json.read("hidden_act", TEXT) ?? "silu";
  if (activation !== "silu" && activation !== "swish") {
    throw new ModelError(`${json.place}: hidden_act is "${activation}"; supported: silu`);
  }
}
