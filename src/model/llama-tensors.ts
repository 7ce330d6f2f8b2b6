// Which tensors a Llama-shaped model has, and of what shape. [V] vocabulary, [H] hidden size,
// [I] intermediate size, [Q] query heads x head size, [K] key-value heads x head size.

import { show } from "./json-object.ts";
import { ModelError } from "./model-error.ts";
import type { DType, ModelConfig, TensorSlice } from "./model-files.ts";
import type { StoredTensor } from "./safetensors-header.ts";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

/** The tensors that `config` calls for, out of those stored. Each is checked; others are left out. */
export function selectLlamaTensors(
  directory: string,
  config: ModelConfig,
  stored: ReadonlyMap<string, StoredTensor>,
): ReadonlyMap<string, TensorSlice> {
  const selected = new Map<string, TensorSlice>();
  for (const { name, shape } of llamaTensors(config)) {
    const tensor = stored.get(name) ?? tiedTwin(config, name, stored);
    if (tensor === undefined) throw missing(directory, config, name, shape);
    selected.set(name, { ...checkTensor(tensor, shape), name });
  }
  return selected;
}

interface NeededTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

function* llamaTensors(config: ModelConfig): Generator<NeededTensor> {
  const { vocabSize: V, hiddenSize: H, intermediateSize: I } = config;
  const Q = config.numHeads * config.headSize;
  const K = config.numKvHeads * config.headSize;
  yield { name: EMBEDDING, shape: [V, H] };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `model.layers.${layer}.`;
    yield { name: `${prefix}input_layernorm.weight`, shape: [H] };
    yield { name: `${prefix}self_attn.q_proj.weight`, shape: [Q, H] };
    yield { name: `${prefix}self_attn.k_proj.weight`, shape: [K, H] };
    yield { name: `${prefix}self_attn.v_proj.weight`, shape: [K, H] };
    yield { name: `${prefix}self_attn.o_proj.weight`, shape: [H, Q] };
    yield { name: `${prefix}post_attention_layernorm.weight`, shape: [H] };
    yield { name: `${prefix}mlp.gate_proj.weight`, shape: [I, H] };
    yield { name: `${prefix}mlp.up_proj.weight`, shape: [I, H] };
    yield { name: `${prefix}mlp.down_proj.weight`, shape: [H, I] };
  }
  yield { name: "model.norm.weight", shape: [H] };
  if (!config.tieWordEmbeddings) yield { name: HEAD, shape: [V, H] };
}

/** A tied model's one matrix is stored under either name: some savers keep the head's. */
function tiedTwin(
  config: ModelConfig,
  name: string,
  stored: ReadonlyMap<string, StoredTensor>,
): StoredTensor | undefined {
  return config.tieWordEmbeddings && name === EMBEDDING ? stored.get(HEAD) : undefined;
}

function checkTensor(tensor: StoredTensor, shape: readonly number[]): TensorSlice {
  const { name, path, dtype } = tensor;
  const place = `${path}: tensor ${show(name)}`;
  if (!isSupported(dtype)) {
    throw new ModelError(`${place} is stored as ${dtype}; supported: F32, F16, BF16`);
  }
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
    throw new ModelError(
      `${place} has the shape ${show(tensor.shape)}; config.json calls for ${show(shape)}`,
    );
  }
  return { ...tensor, dtype };
}

function isSupported(dtype: string): dtype is DType {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

function missing(
  directory: string,
  config: ModelConfig,
  name: string,
  shape: readonly number[],
): ModelError {
  const cure =
    name === HEAD && !config.tieWordEmbeddings
      ? '; if the model ties it to the embedding, config.json must say "tie_word_embeddings": true'
      : "";
  return new ModelError(
    `${directory}: tensor "${name}" of shape ${show(shape)} is in none of the safetensors files${cure}`,
  );
}
