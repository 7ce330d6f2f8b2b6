// config.json of a Llama-shaped model. Keys and defaults follow transformers' configuration classes; what
// they would default and no file of the family leaves out (sizes) must be there.

import { parseFamily } from "./config-family.ts";
import {
  COUNT,
  checkHeadSize,
  checkNumKvHeads,
  EPSILON,
  joinEosTokenIds,
  SIZE,
  tokenIdRange,
} from "./config-rules.ts";
import { parseDecoderSteps } from "./decoder-steps.ts";
import type { Family } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import { layerKinds } from "./layer-kinds.ts";
import { type ModelConfig, ModelError, type RopeScaling } from "./model-files.ts";
import { parseRotaries } from "./rope-parameters.ts";
import { checkRotatedShare } from "./rope-scaling.ts";
import { parseLayerTypes, parseWindows } from "./sliding-window.ts";
import { type Range, SWITCH, TEXT, whole, wholes, within } from "./value-schemas.ts";

/** `generation` is generation_config.json, where there is one: it may name more end tokens. */
export function parseConfigJson(file: JsonObject, generation: JsonObject | undefined): ModelConfig {
  const { family, json } = parseFamily(file);
  const { defaults } = family;
  checkLayers(json, family);
  const size = (key: string, range: Range, otherwise: number | undefined) =>
    json.read(key, whole(range)) ?? otherwise ?? json.require(key, whole(range));
  const vocabSize = size("vocab_size", SIZE, defaults.vocabSize);
  const hiddenSize = json.require("hidden_size", whole(SIZE));
  const numLayers = json.require("num_hidden_layers", whole(COUNT));
  const numHeads = size("num_attention_heads", COUNT, defaults.numHeads);
  const layerTypes = parseLayerTypes(json, numLayers);
  const ids = tokenIdRange(vocabSize);
  const files = generation === undefined ? [json] : [json, generation];
  const rotaries = parseRotaries(json, layerTypes, family);
  const maxPositionEmbeddings = longestContext(
    json.read("max_position_embeddings", whole(SIZE)) ?? defaults.maxPositionEmbeddings,
    rotaries.full.ropeScaling,
  );
  const windows = parseWindows(json, family.slidingWindow, {
    ...{ numLayers, maxPositionEmbeddings, layerTypes },
  });
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
      json.read("num_key_value_heads", whole(COUNT)) ?? defaults.numKvHeads ?? numHeads,
    ),
    headSize: checkHeadSize(
      json,
      json.read("head_dim", whole(COUNT)) ?? defaults.headSize ?? hiddenSize / numHeads,
      "head_dim",
    ),
    rmsNormEps: json.read("rms_norm_eps", within(EPSILON)) ?? defaults.rmsNormEps ?? 1e-6,
    ...layerKinds(windows, rotaries, family),
    ropeLayout: family.ropeLayout,
    ...parseDecoderSteps(json, family, { hiddenSize }),
    maxPositionEmbeddings,
    tieWordEmbeddings:
      json.read("tie_word_embeddings", SWITCH) ?? defaults.tieWordEmbeddings ?? false,
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

function hasAttentionBias(json: JsonObject, { attentionBias }: Family): boolean {
  if (attentionBias !== "asked") return attentionBias === "always";
  return json.read("attention_bias", SWITCH) ?? true; // the default of SeedOssConfig
}

/** Refuses layers other than the family's. */
function checkLayers(json: JsonObject, { attentionBias, decoder }: Family): void {
  // A family that has its bias has it whatever this key says.
  const biases = attentionBias === "never" ? ["attention_bias", "mlp_bias"] : ["mlp_bias"];
  for (const key of biases) {
    if (json.read(key, SWITCH)) {
      throw new ModelError(`${json.place}: ${key} is true; only layers without bias are supported`);
    }
  }
  checkRotatedShare(json);
  const names = ACTIVATIONS[decoder?.activation ?? "silu"];
  for (const key of ["hidden_act", "hidden_activation"]) {
    const name = json.read(key, TEXT);
    if (name === undefined || names.includes(name)) continue;
    throw new ModelError(`${json.place}: ${key} is "${name}"; supported: ${names[0]}`);
  }
}

/** Their names in config.json. */
const ACTIVATIONS: Readonly<Record<"silu" | "gelu_tanh", readonly string[]>> = {
  silu: ["silu", "swish"],
  gelu_tanh: ["gelu_pytorch_tanh", "gelu_new"],
};
