// config.json of a Llama-shaped model. Keys and defaults follow transformers' LlamaConfig; what it
// would default and no real file leaves out (sizes) must be there.

import type { JsonObject, Range } from "./json-object.ts";
import { ModelError } from "./model-error.ts";
import type { ModelConfig, RopeScaling } from "./model-files.ts";

const SUPPORTED = "LlamaForCausalLM";

// Far above any real model, and small enough that no product of two of them loses precision.
const SIZE: Range = { min: 1, max: 2 ** 24 };
const COUNT: Range = { min: 1, max: 4096 };
const FACTOR: Range = { min: 1e-6, max: 1e12 };

// The engine bans at most so many tokens in a row of logits (`min_tokens`).
const MAX_EOS_TOKEN_IDS = 16;

/** `generation` is generation_config.json, where there is one: it may name more end tokens. */
export function parseLlamaConfig(
  json: JsonObject,
  generation: JsonObject | undefined,
): ModelConfig {
  checkSupported(json);
  const vocabSize = requiredInteger(json, "vocab_size", SIZE);
  const hiddenSize = requiredInteger(json, "hidden_size", SIZE);
  const numHeads = requiredInteger(json, "num_attention_heads", COUNT);
  const rope = json.object("rope_parameters");
  return {
    architecture: "llama",
    vocabSize,
    hiddenSize,
    intermediateSize: requiredInteger(json, "intermediate_size", SIZE),
    numLayers: requiredInteger(json, "num_hidden_layers", COUNT),
    numHeads,
    numKvHeads: parseNumKvHeads(json, numHeads),
    headSize: parseHeadSize(json, hiddenSize, numHeads),
    rmsNormEps: json.number("rms_norm_eps", { min: 1e-12, max: 1 }) ?? 1e-6,
    // transformers 5 writes rope_theta and the scaling into one object.
    ropeTheta: rope?.number("rope_theta", FACTOR) ?? json.number("rope_theta", FACTOR) ?? 10000,
    ropeScaling: parseRopeScaling(rope ?? json.object("rope_scaling")),
    maxPositionEmbeddings: json.integer("max_position_embeddings", SIZE) ?? 2048,
    tieWordEmbeddings: json.boolean("tie_word_embeddings") ?? false,
    bosTokenId: json.integers("bos_token_id", { min: 0, max: vocabSize - 1 })?.[0],
    eosTokenIds: parseEosTokenIds(
      vocabSize,
      generation === undefined ? [json] : [json, generation],
    ),
  };
}

function checkSupported(json: JsonObject): void {
  const names = json.strings("architectures") ?? [];
  const isLlama = names.length > 0 ? names.includes(SUPPORTED) : json.get("model_type") === "llama";
  if (!isLlama) {
    const found = names.join(", ") || (json.string("model_type") ?? "no architecture");
    throw new ModelError(`${json.place}: architectures names ${found}; supported: ${SUPPORTED}`);
  }
  const quantization = json.object("quantization_config");
  if (quantization !== undefined) {
    const method = quantization.string("quant_method") ?? "unknown method";
    throw new ModelError(
      `${json.place}: the weights are quantized (${method}); supported: the same model in F32, F16 or BF16`,
    );
  }
  for (const key of ["attention_bias", "mlp_bias"]) {
    if (json.boolean(key)) {
      throw new ModelError(`${json.place}: ${key} is true; only layers without bias are supported`);
    }
  }
  const activation = json.string("hidden_act") ?? "silu";
  if (activation !== "silu" && activation !== "swish") {
    throw new ModelError(`${json.place}: hidden_act is "${activation}"; supported: silu`);
  }
}

function parseNumKvHeads(json: JsonObject, numHeads: number): number {
  const numKvHeads = json.integer("num_key_value_heads", COUNT) ?? numHeads;
  if (numHeads % numKvHeads === 0) return numKvHeads;
  throw new ModelError(
    `${json.place}: num_attention_heads (${numHeads}) is no multiple of num_key_value_heads (${numKvHeads})`,
  );
}

function parseHeadSize(json: JsonObject, hiddenSize: number, numHeads: number): number {
  const headSize = json.integer("head_dim", COUNT) ?? hiddenSize / numHeads;
  if (!Number.isInteger(headSize)) {
    throw new ModelError(
      `${json.place}: hidden_size (${hiddenSize}) is no multiple of num_attention_heads ` +
        `(${numHeads}), and head_dim is missing`,
    );
  }
  if (headSize % 2 === 0 && headSize <= COUNT.max) return headSize;
  throw new ModelError(
    `${json.place}: heads of size ${headSize}; rotary embedding needs an even size up to ${COUNT.max}`,
  );
}

/** From `rope_scaling`, or `rope_parameters` in newer files. The kind is `rope_type`, once `type`. */
function parseRopeScaling(json: JsonObject | undefined): RopeScaling | undefined {
  if (json === undefined) return undefined;
  const type = json.string("rope_type") ?? json.string("type") ?? "default";
  if (type === "default") return undefined;
  if (type !== "llama3") {
    throw new ModelError(
      `${json.place}: rope type "${type}" is not supported; supported: llama3, default`,
    );
  }
  const lowFreqFactor = requiredNumber(json, "low_freq_factor", FACTOR);
  const highFreqFactor = requiredNumber(json, "high_freq_factor", FACTOR);
  if (lowFreqFactor >= highFreqFactor) {
    throw new ModelError(
      `${json.place}: low_freq_factor (${lowFreqFactor}) must be below high_freq_factor (${highFreqFactor})`,
    );
  }
  return {
    type: "llama3",
    factor: requiredNumber(json, "factor", { min: 1, max: FACTOR.max }),
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositionEmbeddings: requiredInteger(json, "original_max_position_embeddings", SIZE),
  };
}

function parseEosTokenIds(vocabSize: number, files: readonly JsonObject[]): readonly number[] {
  const range = { min: 0, max: vocabSize - 1 };
  const ids = new Set(files.flatMap((json) => json.integers("eos_token_id", range) ?? []));
  if (ids.size <= MAX_EOS_TOKEN_IDS) return [...ids];
  throw new ModelError(
    `${files.map((json) => json.place).join(" and ")} name ${ids.size} end-of-sequence tokens; ` +
      `at most ${MAX_EOS_TOKEN_IDS} are supported`,
  );
}

function requiredInteger(json: JsonObject, key: string, range: Range): number {
  const value = json.integer(key, range);
  if (value === undefined) throw json.missing(key);
  return value;
}

function requiredNumber(json: JsonObject, key: string, range: Range): number {
  const value = json.number(key, range);
  if (value === undefined) throw json.missing(key);
  return value;
}
