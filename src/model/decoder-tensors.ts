// Which tensors a Llama-shaped model has, and of what shape. [V] vocabulary, [H] hidden size,
// [I] intermediate size, [D] head size, [Q] query heads x head size, [K] key-value heads x head size.

import { DTYPES, isDType } from "./dtype.ts";
import { selectGroupedWeight } from "./grouped-weight.ts";
import { show } from "./json-object.ts";
import { ModelError } from "./model-error.ts";
import type { ModelConfig, ModelTensor, TensorSlice } from "./model-files.ts";
import type { StoredTensor } from "./stored-tensor.ts";
import type { WeightQuantization } from "./weight-quantization.ts";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

export interface TensorSource {
  /** Where the model lies, for error messages. */
  readonly place: string;
  readonly config: ModelConfig;
  readonly stored: ReadonlyMap<string, StoredTensor>;
  /** The name in the files of a tensor that Hugging Face calls `name`. */
  readonly storedName: (name: string) => string;
  readonly quantization: WeightQuantization | undefined;
}

/** The tensors that the configuration calls for, out of those stored. Each is checked. */
export function selectTensors(source: TensorSource): ReadonlyMap<string, ModelTensor> {
  return new Map(
    [...decoderTensors(source.config)].map((needed) => [needed.name, selectTensor(source, needed)]),
  );
}

function selectTensor(source: TensorSource, needed: NeededTensor): ModelTensor {
  const { stored, storedName, quantization } = source;
  const { name, shape } = needed;
  const tensor = stored.get(storedName(name)) ?? tiedTwin(source, name);
  if (tensor !== undefined) return { ...checkTensor(tensor, shape), name };
  const grouped = quantization && selectGroupedWeight(stored, needed, quantization);
  if (grouped !== undefined) return grouped;
  throw missing(source, needed);
}

interface NeededTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

function* decoderTensors(config: ModelConfig): Generator<NeededTensor> {
  const { vocabSize: V, hiddenSize: H } = config;
  yield { name: EMBEDDING, shape: [V, H] };
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const { name, shape } of layerTensors(config)) {
      yield { name: `model.layers.${layer}.${name}`, shape };
    }
  }
  yield { name: "model.norm.weight", shape: [H] };
  if (!config.tieWordEmbeddings) yield { name: HEAD, shape: [V, H] };
}

function layerTensors(config: ModelConfig): readonly NeededTensor[] {
  const { hiddenSize: H, intermediateSize: I, headSize: D } = config;
  const Q = config.numHeads * D;
  const K = config.numKvHeads * D;
  const tensors: NeededTensor[] = [
    { name: "input_layernorm.weight", shape: [H] },
    { name: "self_attn.q_proj.weight", shape: [Q, H] },
    { name: "self_attn.k_proj.weight", shape: [K, H] },
    { name: "self_attn.v_proj.weight", shape: [K, H] },
    { name: "self_attn.o_proj.weight", shape: [H, Q] },
    { name: "post_attention_layernorm.weight", shape: [H] },
    { name: "mlp.gate_proj.weight", shape: [I, H] },
    { name: "mlp.up_proj.weight", shape: [I, H] },
    { name: "mlp.down_proj.weight", shape: [H, I] },
  ];
  if (config.attentionBias) {
    tensors.push(
      { name: "self_attn.q_proj.bias", shape: [Q] },
      { name: "self_attn.k_proj.bias", shape: [K] },
      { name: "self_attn.v_proj.bias", shape: [K] },
    );
  }
  if (config.qkNorm) {
    tensors.push(
      { name: "self_attn.q_norm.weight", shape: [D] },
      { name: "self_attn.k_norm.weight", shape: [D] },
    );
  }
  return tensors;
}

/** A tied model's one matrix is stored under either name: some savers keep the head's. */
function tiedTwin(
  { config, stored, storedName }: TensorSource,
  name: string,
): StoredTensor | undefined {
  return config.tieWordEmbeddings && name === EMBEDDING ? stored.get(storedName(HEAD)) : undefined;
}

function checkTensor(tensor: StoredTensor, shape: readonly number[]): TensorSlice {
  const { name, path, dtype } = tensor;
  const place = `${path}: tensor ${show(name)}`;
  if (!isDType(dtype)) {
    const supported = Object.keys(DTYPES).join(", ");
    throw new ModelError(`${place} is stored as ${dtype}; supported: ${supported}`);
  }
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
    throw new ModelError(
      `${place} has the shape ${show(tensor.shape)}; the model's configuration calls for ${show(shape)}`,
    );
  }
  return { ...tensor, type: "plain", dtype };
}

function missing(source: TensorSource, { name, shape }: NeededTensor): ModelError {
  const { place, storedName } = source;
  return new ModelError(
    `${place}: tensor "${storedName(name)}" of shape ${show(shape)} is in none of its files${cureOf(source, name)}`,
  );
}

function cureOf({ config, stored, quantization }: TensorSource, name: string): string {
  if (name === HEAD && !config.tieWordEmbeddings) {
    return '; if the model ties it to the embedding, config.json must say "tie_word_embeddings": true';
  }
  if (quantization === undefined && stored.has(name.replace(/weight$/, "qweight"))) {
    return "; it is there in 4 bits, but config.json has no quantization_config that says how";
  }
  return "";
}
