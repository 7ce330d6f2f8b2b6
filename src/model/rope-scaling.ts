// Scaling of the rotary embedding, as a model's files say it.

import { showFound } from "../base/describe-issue.ts";
import { FACTOR, SIZE } from "./config-rules.ts";
import type { JsonObject } from "./json-object.ts";
import {
  type Llama3RopeScaling,
  ModelError,
  type RopeScaling,
  type YarnRopeScaling,
} from "./model-files.ts";
import { SWITCH, TEXT, whole, within } from "./value-schemas.ts";

// The defaults of YaRN's paper, of transformers and of llama.cpp.
const BETA_FAST = 32;
const BETA_SLOW = 1;

/** From `rope_scaling`, or `rope_parameters` in newer files. The kind is `rope_type`, once `type`. */
export function parseRopeScaling(json: JsonObject | undefined): RopeScaling | undefined {
  if (json === undefined) return undefined;
  const type = json.read("rope_type", TEXT) ?? json.read("type", TEXT) ?? "default";
  checkRopeKeys(json, type);
  switch (type) {
    case "default":
      return undefined;
    case "linear":
      return { type, factor: requiredFactor(json) };
    case "llama3":
      return parseLlama3(json);
    case "yarn":
      return parseYarn(json);
    default:
      throw new ModelError(
        `${json.place}: rope type ${showFound(type)} is not supported; supported: linear, llama3, yarn, default`,
      );
  }
}

/** Keys that do not depend on the type. `finetuned` is YaRN's authors' note. */
const COMMON_KEYS = [
  ...["rope_type", "type", "rope_theta", "partial_rotary_factor"],
  ...["original_max_position_embeddings", "finetuned"],
];

const KEYS: Readonly<Record<string, readonly string[]>> = {
  default: [],
  linear: ["factor"],
  llama3: ["factor", "low_freq_factor", "high_freq_factor"],
  yarn: [
    ...["factor", "attention_factor", "beta_fast", "beta_slow"],
    ...["mscale", "mscale_all_dim", "truncate"],
  ],
};

/** Refuses what is not of the type: it would be dropped, and everything here changes what is computed. */
function checkRopeKeys(json: JsonObject, type: string): void {
  checkRotatedShare(json);
  const keys = KEYS[type];
  const stray = json
    .keys()
    .find((key) => !COMMON_KEYS.includes(key) && !keys?.includes(key) && json.get(key) != null);
  if (keys === undefined || stray === undefined) return;
  throw new ModelError(
    `${json.place}: ${stray} is ${showFound(json.get(stray))}, which has no meaning for the rope type ${showFound(type)}`,
  );
}

/** A part of each head may be rotated, and the rest left alone. */
export function checkRotatedShare(json: JsonObject): void {
  const rotated = json.read("partial_rotary_factor", within({ min: 0, max: 1 })) ?? 1;
  if (rotated === 1) return;
  throw new ModelError(
    `${json.place}: partial_rotary_factor is ${rotated}; only heads that are rotated whole are supported`,
  );
}

/** `name` is the architecture's. Llama 3's scaling is no key of GGUF but a tensor of factors. */
export function parseGgufRopeScaling(metadata: JsonObject, name: string): RopeScaling | undefined {
  const key = `${name}.rope.scaling`;
  const type = metadata.read(`${key}.type`, TEXT) ?? oldGgufType(metadata, name);
  switch (type) {
    case "none":
      return undefined;
    case "linear":
      return {
        type,
        factor:
          metadata.read(`${key}.factor`, within(FACTOR)) ??
          metadata.require(`${name}.rope.scale_linear`, within(FACTOR)),
      };
    case "yarn": {
      const factor = metadata.require(`${key}.factor`, within(FACTOR));
      return {
        type,
        factor,
        originalMaxPositionEmbeddings: metadata.require(
          `${key}.original_context_length`,
          whole(SIZE),
        ),
        betaFast: metadata.read(`${key}.yarn_beta_fast`, within(FACTOR)) ?? BETA_FAST,
        betaSlow: metadata.read(`${key}.yarn_beta_slow`, within(FACTOR)) ?? BETA_SLOW,
        attentionFactor:
          (metadata.read(`${key}.attn_factor`, within(FACTOR)) ?? 1) * yarnScale(factor),
        truncate: true,
      };
    }
    default:
      throw new ModelError(
        `${metadata.place}: ${key}.type is ${showFound(type)}; supported: none, linear, yarn`,
      );
  }
}

/** llama.cpp takes a factor without a type for a linear one. */
function oldGgufType(metadata: JsonObject, name: string): "linear" | "none" {
  const factor =
    metadata.read(`${name}.rope.scaling.factor`, within(FACTOR)) ??
    metadata.read(`${name}.rope.scale_linear`, within(FACTOR));
  return (factor ?? 1) === 1 ? "none" : "linear";
}

function parseLlama3(json: JsonObject): Llama3RopeScaling {
  const lowFreqFactor = json.require("low_freq_factor", within(FACTOR));
  const highFreqFactor = json.require("high_freq_factor", within(FACTOR));
  if (lowFreqFactor >= highFreqFactor) {
    throw new ModelError(
      `${json.place}: low_freq_factor (${lowFreqFactor}) must be below high_freq_factor (${highFreqFactor})`,
    );
  }
  return {
    type: "llama3",
    factor: requiredFactor(json),
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositionEmbeddings: json.require("original_max_position_embeddings", whole(SIZE)),
  };
}

function parseYarn(json: JsonObject): YarnRopeScaling {
  const factor = requiredFactor(json);
  return {
    type: "yarn",
    factor,
    originalMaxPositionEmbeddings: json.require("original_max_position_embeddings", whole(SIZE)),
    betaFast: json.read("beta_fast", within(FACTOR)) ?? BETA_FAST,
    betaSlow: json.read("beta_slow", within(FACTOR)) ?? BETA_SLOW,
    attentionFactor:
      json.read("attention_factor", within(FACTOR)) ?? yarnAttentionFactor(json, factor),
    truncate: json.read("truncate", SWITCH) ?? true,
  };
}

/** As transformers' `_compute_yarn_parameters`: DeepSeek's files name two scales, of which the ratio counts. */
function yarnAttentionFactor(json: JsonObject, factor: number): number {
  const scale = json.read("mscale", within({ min: 0, max: FACTOR.max }));
  const scaleAllDim = json.read("mscale_all_dim", within({ min: 0, max: FACTOR.max }));
  if (!scale || !scaleAllDim) return yarnScale(factor);
  return yarnScale(factor, scale) / yarnScale(factor, scaleAllDim);
}

function yarnScale(factor: number, scale = 1): number {
  return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
}

function requiredFactor(json: JsonObject): number {
  return json.require("factor", within({ min: 1, max: FACTOR.max }));
}
