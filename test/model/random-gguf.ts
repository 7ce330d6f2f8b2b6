// GGUF files with real shapes and random weights, for tests and benchmarks; other engines read them as well. Equal
// options give equal files.

import type { DType } from "../../src/model/dtype.ts";
import { FAMILIES } from "../../src/model/families.ts";
import { GgufTokenType } from "../../src/model/gguf-config.ts";
import {
  ALIGNMENT,
  alignUp,
  F32,
  type GgufMetadata,
  ggmlType,
  ggufHeader,
  tensorBytes,
} from "./gguf-writer.ts";
import { fallback, headType, type Preset, presetType } from "./llama-quantize.ts";
import { type ModelShape, type ShapedTensor, tensorsOf } from "./model-shapes.ts";
import { writeFile } from "./output-file.ts";
import { modelWeights } from "./random-weights.ts";
import {
  BOS_TOKEN,
  CHAT_TEMPLATE,
  EOS_TOKEN,
  syntheticVocabulary,
} from "./synthetic-vocabulary.ts";

/** A type for all matrices, or a mixture of llama-quantize. */
export type WeightType = DType | { readonly preset: Preset };

export interface RandomGgufOptions {
  readonly shape: ModelShape;
  readonly type: WeightType;
  /** `pure`: as by llama-quantize --pure, the head is of the matrices' type too. */
  readonly head?: "mixed" | "pure";
  readonly seed?: number;
}

export interface PlannedTensor extends ShapedTensor {
  readonly dtype: DType;
}

/** Writes a GGUF file with a vocabulary, a chat template and weights. */
export function writeRandomGguf(path: string, options: RandomGgufOptions): void {
  const { shape, type, head = "mixed", seed = 1 } = options;
  const tensors = planTensors(shape, type, head);
  const factors = ropeFactors(shape);
  let offset = 0;
  const place = (name: string, dtype: DType, sizes: readonly number[]) => {
    const entry = { name, shape: sizes, type: ggmlType(dtype), offset };
    offset = alignUp(offset + tensorBytes(dtype, sizes), ALIGNMENT);
    return entry;
  };
  const entries = tensors.map((tensor) =>
    place(ggufTensorName(tensor.name, shape.architecture), tensor.dtype, tensor.shape),
  );
  if (factors !== undefined) entries.push(place("rope_freqs.weight", "F32", [factors.length]));

  writeFile(path, (file) => {
    file.write(ggufHeader(ggufMetadata(shape), entries));
    for (const tensor of tensors) {
      file.align(ALIGNMENT);
      for (const bytes of modelWeights(tensor, tensor.dtype, seed)) file.write(bytes);
    }
    file.align(ALIGNMENT);
    if (factors !== undefined) file.write(new Uint8Array(factors.buffer));
    file.align(ALIGNMENT);
  });
}

/** `model.layers.3.mlp.up_proj.weight` is `blk.3.ffn_up.weight`. */
function ggufTensorName(name: string, architecture: string): string {
  const layer = /(?<=^model\.layers\.)\d+/.exec(name)?.[0] ?? "";
  const family = FAMILIES.find((one) => one.name === architecture);
  const row = family?.tensors.find(({ huggingFace }) => huggingFace.replace("*", layer) === name);
  if (row === undefined) throw new Error(`no GGUF name for the tensor ${name}`);
  return row.gguf.replace("*", layer);
}

/** Which type each tensor has. Vectors are F32, as in all GGUF files. */
export function planTensors(
  shape: ModelShape,
  type: WeightType,
  head: "mixed" | "pure" = "mixed",
): readonly PlannedTensor[] {
  return tensorsOf(shape).map((tensor) => {
    const dtype = tensor.shape.length === 1 ? "F32" : matrixType(tensor, shape, type, head);
    return { ...tensor, dtype };
  });
}

function matrixType(
  tensor: ShapedTensor,
  shape: ModelShape,
  type: WeightType,
  head: "mixed" | "pure",
): DType {
  if (typeof type === "object") return presetType(tensor, shape, type.preset);
  const rowSize = tensor.shape.at(-1) ?? 1;
  const isHead = tensor.name === (shape.isTied ? "model.embed_tokens.weight" : "lm_head.weight");
  return isHead && head === "mixed" ? headType(type, rowSize) : fallback(type, rowSize);
}

/** Architectures that GGUF files call otherwise. */
const GGUF_NAMES: Readonly<Record<string, string>> = { mistral: "llama", gemma3_text: "gemma3" };

function ggufMetadata(shape: ModelShape): GgufMetadata {
  const name = GGUF_NAMES[shape.architecture] ?? shape.architecture;
  const { tokens, merges, numSpecial } = syntheticVocabulary(shape.vocabSize);
  const types = new Int32Array(tokens.length).fill(GgufTokenType.NORMAL);
  types.fill(GgufTokenType.CONTROL, tokens.length - numSpecial);
  return {
    "general.architecture": name,
    "general.name": "random weights",
    "general.quantization_version": 2,
    [`${name}.block_count`]: shape.numLayers,
    [`${name}.context_length`]: shape.contextLength,
    [`${name}.embedding_length`]: shape.hiddenSize,
    [`${name}.feed_forward_length`]: shape.intermediateSize,
    [`${name}.attention.head_count`]: shape.numHeads,
    [`${name}.attention.head_count_kv`]: shape.numKvHeads,
    [`${name}.attention.key_length`]: shape.headSize,
    [`${name}.attention.value_length`]: shape.headSize,
    [`${name}.attention.layer_norm_rms_epsilon`]: new F32(shape.rmsNormEps),
    [`${name}.rope.freq_base`]: new F32(shape.ropeTheta),
    [`${name}.rope.dimension_count`]: shape.headSize,
    [`${name}.vocab_size`]: shape.vocabSize,
    ...(shape.slidingWindow !== undefined && {
      [`${name}.attention.sliding_window`]: shape.slidingWindow,
    }),
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": shape.pre,
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": types,
    "tokenizer.ggml.merges": merges.map((pair) => pair.join(" ")),
    "tokenizer.ggml.bos_token_id": tokens.indexOf(BOS_TOKEN),
    "tokenizer.ggml.eos_token_id": tokens.indexOf(EOS_TOKEN),
    "tokenizer.ggml.add_bos_token": false,
    "tokenizer.chat_template": CHAT_TEMPLATE,
  };
}

/** Llama 3's scaling, as llama.cpp's converter computes it beforehand (conversion/llama.py). */
function ropeFactors({ ropeFactor, ropeTheta, headSize }: ModelShape): Float32Array | undefined {
  if (ropeFactor === undefined) return undefined;
  const [low, high, positions] = [1, 4, 8192];
  return Float32Array.from({ length: headSize / 2 }, (_, pair) => {
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * pair) / headSize);
    if (wavelength < positions / high) return 1;
    if (wavelength > positions / low) return ropeFactor;
    const smooth = (positions / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / ropeFactor + smooth);
  });
}
