// Directories as on the Hugging Face hub with real shapes and random weights, for tests and benchmarks. Equal
// options give equal files.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { PRE_TOKENIZERS } from "../../src/tokenizer/pre-tokenizers.ts";
import { tensorBytes } from "./gguf-writer.ts";
import { type ModelShape, type ShapedTensor, tensorsOf } from "./model-shapes.ts";
import { writeFile } from "./output-file.ts";
import { matrixReach, modelWeights, randomBytes, randomWords, seedOf } from "./random-weights.ts";
import { CHAT_TEMPLATE, EOS_TOKEN, syntheticVocabulary } from "./synthetic-vocabulary.ts";

export interface RandomDirectoryOptions {
  readonly shape: ModelShape;
  /** Type of all tensors that are not quantized. */
  readonly dtype: "F32" | "F16" | "BF16";
  /** The layers' matrices in 4 bits. */
  readonly quantization?: "gptq" | "awq";
  /** Inputs that share a scale of these. */
  readonly groupSize?: 32 | 64 | 128 | 256 | "row";
  readonly seed?: number;
}

/** Writes config.json, model.safetensors, tokenizer.json and tokenizer_config.json into `directory`. */
export function writeRandomDirectory(directory: string, options: RandomDirectoryOptions): void {
  const { shape, quantization, groupSize = 128 } = options;
  mkdirSync(directory, { recursive: true });
  const json = (name: string, value: unknown) =>
    writeFileSync(join(directory, name), JSON.stringify(value));
  json("config.json", { ...configJson(shape), ...quantizationConfig(quantization, groupSize) });
  json("tokenizer.json", tokenizerJson(shape));
  json("tokenizer_config.json", {
    bos_token: null,
    eos_token: EOS_TOKEN,
    chat_template: CHAT_TEMPLATE,
  });

  const tensors = tensorsOf(shape).flatMap((tensor) => storedTensors(tensor, options));
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const { name, dtype, shape: sizes, numBytes } of tensors) {
    header[name] = { dtype, shape: sizes, data_offsets: [end, end + numBytes] };
    end += numBytes;
  }
  writeFile(join(directory, "model.safetensors"), (file) => {
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    file.write(length);
    file.write(text);
    for (const { bytes } of tensors) for (const piece of bytes()) file.write(piece);
  });
}

interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly numBytes: number;
  readonly bytes: () => Iterable<Uint8Array>;
}

function storedTensors(
  tensor: ShapedTensor,
  { dtype, quantization, groupSize = 128, seed = 1 }: RandomDirectoryOptions,
): readonly StoredTensor[] {
  const { name, shape, layer } = tensor;
  const isMatrix = layer !== undefined && shape.length === 2;
  if (quantization !== undefined && isMatrix) {
    return groupedTensors(tensor, { quantization, groupSize, seed });
  }
  const bytes = () => modelWeights(tensor, dtype, seed);
  return [{ name, dtype, shape, numBytes: tensorBytes(dtype, shape), bytes }];
}

// A zero point of 8 in each nibble, stored one less.
const SYMMETRIC_ZEROS = 0x77;

interface Grouping {
  readonly quantization: "gptq" | "awq";
  readonly groupSize: number | "row";
  readonly seed: number;
}

function groupedTensors(
  { name, shape }: ShapedTensor,
  { quantization, groupSize: asked, seed }: Grouping,
): readonly StoredTensor[] {
  const [outputs = 0, inputs = 0] = shape;
  const prefix = name.replace(/weight$/, "");
  const groupSize = asked === "row" ? inputs : asked;
  const numGroups = inputs / groupSize;
  const scale = matrixReach(shape) / 8;
  const words = (suffix: string, sizes: readonly [number, number]): StoredTensor => ({
    name: prefix + suffix,
    dtype: "I32",
    shape: sizes,
    numBytes: 4 * sizes[0] * sizes[1],
    bytes: () => [randomWords(sizes[0] * sizes[1], seedOf(seed, prefix + suffix))],
  });
  const zeros = words("qzeros", [numGroups, outputs / 8]);
  const scales: StoredTensor = {
    name: `${prefix}scales`,
    dtype: "F16",
    shape: [numGroups, outputs],
    numBytes: 2 * numGroups * outputs,
    bytes: () =>
      randomBytes({
        dtype: "F16",
        numElements: numGroups * outputs,
        reach: scale / 2,
        center: scale,
        seed: seedOf(seed, `${prefix}scales`),
      }),
  };
  if (quantization === "awq") return [words("qweight", [inputs, outputs / 8]), zeros, scales];
  const groups = Int32Array.from({ length: inputs }, (_, input) => Math.floor(input / groupSize));
  return [
    words("qweight", [inputs / 8, outputs]),
    { ...zeros, bytes: () => [new Uint8Array(zeros.numBytes).fill(SYMMETRIC_ZEROS)] },
    scales,
    {
      name: `${prefix}g_idx`,
      dtype: "I32",
      shape: [inputs],
      numBytes: groups.byteLength,
      bytes: () => [new Uint8Array(groups.buffer)],
    },
  ];
}

function quantizationConfig(quantization: "gptq" | "awq" | undefined, groupSize: number | "row") {
  const common = { bits: 4, group_size: groupSize === "row" ? -1 : groupSize };
  switch (quantization) {
    case "gptq":
      return {
        quantization_config: { quant_method: "gptq", ...common, desc_act: false, sym: true },
      };
    case "awq":
      return {
        quantization_config: { quant_method: "awq", ...common, version: "gemm", zero_point: true },
      };
    default:
      return {};
  }
}

const CLASSES = {
  llama: "LlamaForCausalLM",
  mistral: "MistralForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  ernie4_5: "Ernie4_5ForCausalLM",
  seed_oss: "SeedOssForCausalLM",
  gemma3_text: "Gemma3ForCausalLM",
} as const;

function configJson(shape: ModelShape) {
  return {
    architectures: [CLASSES[shape.architecture]],
    model_type: shape.architecture,
    vocab_size: shape.vocabSize,
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.intermediateSize,
    num_hidden_layers: shape.numLayers,
    num_attention_heads: shape.numHeads,
    num_key_value_heads: shape.numKvHeads,
    head_dim: shape.headSize,
    rms_norm_eps: shape.rmsNormEps,
    rope_theta: shape.ropeTheta,
    rope_scaling: shape.ropeFactor === undefined ? null : llama3Scaling(shape.ropeFactor),
    sliding_window: null,
    max_position_embeddings: shape.contextLength,
    tie_word_embeddings: shape.isTied,
    eos_token_id: shape.vocabSize - 2,
  };
}

function llama3Scaling(factor: number) {
  return {
    rope_type: "llama3",
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
}

function tokenizerJson({ vocabSize, pre }: ModelShape) {
  const { tokens, merges, numSpecial } = syntheticVocabulary(vocabSize);
  const numWords = tokens.length - numSpecial;
  const patterns = PRE_TOKENIZERS.get(pre)?.patterns ?? [];
  const splits = patterns.map((Regex) => ({
    type: "Split",
    pattern: { Regex },
    behavior: "Isolated",
    invert: false,
  }));
  return {
    added_tokens: tokens.slice(numWords).map((content, index) => ({
      id: numWords + index,
      content,
      special: true,
      normalized: false,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [...splits, { type: "ByteLevel", add_prefix_space: false, use_regex: false }],
    },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.slice(0, numWords).map((token, id) => [token, id])),
      merges,
    },
  };
}
