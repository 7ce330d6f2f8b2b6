// `quantization_config` of config.json: how the weights of the linear layers are packed into safetensors.

import type { JsonObject } from "./json-object.ts";
import { checkKeys, type KeyRules } from "./key-rules.ts";
import { ModelError } from "./model-files.ts";
import { SWITCH, TEXT, whole } from "./value-schemas.ts";

/** Properties that all quantized weights of a model have in common. */
export interface WeightQuantization {
  readonly type: "gptq" | "awq";
  /** Inputs that share a scale and a zero point: so many, or a whole row. */
  readonly groupSize: number | "row";
  /** Sum to add to a zero point as it is stored. GPTQ's first format stores one less. */
  readonly zeroOffset: 0 | 1;
}

/** How the weights were found, and which; those that are packed are known by their tensors. */
const KEYS: KeyRules = {
  known: new Set([
    ...["quant_method", "bits", "group_size", "desc_act", "dynamic", "checkpoint_format"],
    ...["version", "zero_point", "sym", "damp_percent", "damp_auto_increment", "static_groups"],
    ...["true_sequential", "model_name_or_path", "model_file_base_name", "dataset", "tokenizer"],
    ...["quantizer", "meta", "lm_head", "modules_in_block_to_quantize", "modules_to_not_convert"],
    ...["backend", "use_exllama", "exllama_config", "disable_exllama", "max_input_length"],
    ...["cache_block_outputs", "use_cuda_fp16", "model_seqlen", "block_name_to_quantize"],
    ...["module_name_preceding_first_block", "batch_size", "pad_token_id", "do_fuse"],
    ...["modules_to_fuse", "fuse_max_seq_len", "mse", "uri", "act_group_aware", "hyb_act"],
  ]),
  off: { rotation: [], is_marlin_format: [], adapter: [] },
  fixed: { pack_dtype: ["int32"] },
};

/** Gives keys that nothing is known of. Throws `ModelError` at one that asks for another packing. */
export function checkQuantizationKeys(config: JsonObject): readonly string[] {
  const json = config.object("quantization_config");
  return json === undefined ? [] : checkKeys(json, KEYS);
}

/** -1: a row. */
const GROUP_SIZES = [32, 64, 128, 256, 512, 1024, -1];
const ANY = { min: -(2 ** 31), max: 2 ** 31 };

/** `undefined` for a model with plain weights. Throws `ModelError` for what is not supported, by name. */
export function parseWeightQuantization(config: JsonObject): WeightQuantization | undefined {
  const json = config.object("quantization_config");
  if (json === undefined) return undefined;
  const method = json.require("quant_method", TEXT);
  if (method === "gptq") return parseGptq(json);
  if (method === "awq") return parseAwq(json);
  if (method === "mxfp4") return undefined; // its tensors are known by their names
  throw new ModelError(
    `${json.place}: quant_method is "${method}"; supported: gptq, awq, mxfp4. Use the same model in F32, F16 or BF16 ` +
      "(`quantization: q8` or `q4` makes it small when it is loaded), or as a GGUF file",
  );
}

function parseGptq(json: JsonObject): WeightQuantization {
  const groups = parseGroups(json);
  // The order of inputs by importance scatters each group over the row, but for a group that is the row.
  if (json.read("desc_act", SWITCH) === true && groups.groupSize !== "row") {
    throw new ModelError(
      `${json.place}: desc_act is true, so the inputs of a group are scattered over the row; supported: false, or ` +
        "true with group_size -1. Use the model quantized without it, by AWQ, or as GGUF",
    );
  }
  const overrides = json.object("dynamic")?.keys() ?? [];
  if (overrides.length > 0) {
    throw new ModelError(
      `${json.place}: dynamic gives some layers other settings; supported: one for all`,
    );
  }
  const format = json.read("checkpoint_format", TEXT) ?? "gptq";
  requireValue(json, "checkpoint_format", format, ["gptq", "gptq_v2"]);
  return { type: "gptq", ...groups, zeroOffset: format === "gptq" ? 1 : 0 };
}

function parseAwq(json: JsonObject): WeightQuantization {
  const version = (json.read("version", TEXT) ?? "gemm").toLowerCase();
  requireValue(json, "version", version, ["gemm"]);
  requireValue(json, "zero_point", json.read("zero_point", SWITCH) ?? true, [true]);
  return { type: "awq", ...parseGroups(json), zeroOffset: 0 };
}

function parseGroups(json: JsonObject): Pick<WeightQuantization, "groupSize"> {
  requireValue(json, "bits", json.require("bits", whole(ANY)), [4]);
  const groupSize = json.require("group_size", whole(ANY));
  requireValue(json, "group_size", groupSize, GROUP_SIZES);
  return { groupSize: groupSize === -1 ? "row" : groupSize };
}

function requireValue<T>(json: JsonObject, key: string, value: T, supported: readonly T[]): void {
  if (supported.includes(value)) return;
  throw new ModelError(`${json.place}: ${key} is ${value}; supported: ${supported.join(", ")}`);
}
