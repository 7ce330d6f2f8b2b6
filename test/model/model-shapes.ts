// Models by their shapes: what a kernel, a benchmark or a memory budget sees of a model.

export type Architecture =
  | ("llama" | "mistral" | "qwen2" | "qwen3" | "ernie4_5" | "seed_oss")
  | "gemma3_text";

export interface ModelShape {
  readonly architecture: Architecture;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Llama 3's scaling by this factor, from 8,192 positions on. */
  readonly ropeFactor?: number;
  readonly contextLength: number;
  readonly isTied: boolean;
  readonly slidingWindow?: number;
  /** The name of the vocabulary's pre-tokenizer. */
  readonly pre: string;
}

/** From the config.json of each model on the Hugging Face hub. */
export const SHAPES = {
  "qwen3-0.6b": {
    architecture: "qwen3",
    vocabSize: 151936,
    hiddenSize: 1024,
    intermediateSize: 3072,
    numLayers: 28,
    numHeads: 16,
    numKvHeads: 8,
    headSize: 128,
    rmsNormEps: 1e-6,
    ropeTheta: 1e6,
    contextLength: 40960,
    isTied: true,
    pre: "qwen2",
  },
  "qwen2.5-0.5b": {
    architecture: "qwen2",
    vocabSize: 151936,
    hiddenSize: 896,
    intermediateSize: 4864,
    numLayers: 24,
    numHeads: 14,
    numKvHeads: 2,
    headSize: 64,
    rmsNormEps: 1e-6,
    ropeTheta: 1e6,
    contextLength: 32768,
    isTied: true,
    pre: "qwen2",
  },
  "llama-3.2-1b": {
    architecture: "llama",
    vocabSize: 128256,
    hiddenSize: 2048,
    intermediateSize: 8192,
    numLayers: 16,
    numHeads: 32,
    numKvHeads: 8,
    headSize: 64,
    rmsNormEps: 1e-5,
    ropeTheta: 5e5,
    ropeFactor: 32,
    contextLength: 131072,
    isTied: true,
    pre: "llama-bpe",
  },
  "smollm2-135m": {
    architecture: "llama",
    vocabSize: 49152,
    hiddenSize: 576,
    intermediateSize: 1536,
    numLayers: 30,
    numHeads: 9,
    numKvHeads: 3,
    headSize: 64,
    rmsNormEps: 1e-5,
    ropeTheta: 1e5,
    contextLength: 8192,
    isTied: true,
    pre: "smollm",
  },
  "gemma-3-1b": {
    architecture: "gemma3_text",
    vocabSize: 262144,
    hiddenSize: 1152,
    intermediateSize: 6912,
    numLayers: 26,
    numHeads: 4,
    numKvHeads: 1,
    headSize: 256,
    rmsNormEps: 1e-6,
    ropeTheta: 1e6,
    contextLength: 32768,
    isTied: true,
    slidingWindow: 512,
    pre: "llama-bpe",
  },
  "r1-distill-llama-8b": {
    architecture: "llama",
    vocabSize: 128256,
    hiddenSize: 4096,
    intermediateSize: 14336,
    numLayers: 32,
    numHeads: 32,
    numKvHeads: 8,
    headSize: 128,
    rmsNormEps: 1e-5,
    ropeTheta: 5e5,
    ropeFactor: 8,
    contextLength: 131072,
    isTied: false,
    pre: "llama-bpe",
  },
} as const satisfies Readonly<Record<string, ModelShape>>;

/** Small, with rows of whole blocks of every type, and another number of everything. */
export function tinyShape(changes: Partial<ModelShape> = {}): ModelShape {
  return {
    architecture: "llama",
    vocabSize: 320,
    hiddenSize: 256,
    intermediateSize: 512,
    numLayers: 3,
    numHeads: 4,
    numKvHeads: 2,
    headSize: 64,
    rmsNormEps: 1e-5,
    ropeTheta: 10000,
    contextLength: 512,
    isTied: false,
    pre: "llama-bpe",
    ...changes,
  };
}

export interface ShapedTensor {
  /** As Hugging Face calls it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly layer: number | undefined;
}

/** The tensors of a model, in the order in which they are used. */
export function tensorsOf(shape: ModelShape): readonly ShapedTensor[] {
  const { vocabSize, hiddenSize, numLayers } = shape;
  const tensors: ShapedTensor[] = [
    { name: "model.embed_tokens.weight", shape: [vocabSize, hiddenSize], layer: undefined },
  ];
  for (let layer = 0; layer < numLayers; layer++) {
    for (const [name, sizes] of layerTensors(shape)) {
      tensors.push({ name: `model.layers.${layer}.${name}`, shape: sizes, layer });
    }
  }
  tensors.push({ name: "model.norm.weight", shape: [hiddenSize], layer: undefined });
  if (!shape.isTied) {
    tensors.push({ name: "lm_head.weight", shape: [vocabSize, hiddenSize], layer: undefined });
  }
  return tensors;
}

function layerTensors(shape: ModelShape): readonly (readonly [string, readonly number[]])[] {
  const { architecture, hiddenSize: hidden, intermediateSize: intermediate, headSize } = shape;
  const q = shape.numHeads * headSize;
  const kv = shape.numKvHeads * headSize;
  const biases = [
    ["self_attn.q_proj.bias", [q]],
    ["self_attn.k_proj.bias", [kv]],
    ["self_attn.v_proj.bias", [kv]],
  ] as const;
  const isGemma = architecture === "gemma3_text";
  const gemmaNorms = [
    ["pre_feedforward_layernorm.weight", [hidden]],
    ["post_feedforward_layernorm.weight", [hidden]],
  ] as const;
  const norms = [
    ["self_attn.q_norm.weight", [headSize]],
    ["self_attn.k_norm.weight", [headSize]],
  ] as const;
  return [
    ["input_layernorm.weight", [hidden]],
    ["self_attn.q_proj.weight", [q, hidden]],
    ["self_attn.k_proj.weight", [kv, hidden]],
    ["self_attn.v_proj.weight", [kv, hidden]],
    ...(architecture === "qwen2" || architecture === "seed_oss" ? biases : []),
    ...(architecture === "qwen3" || isGemma ? norms : []),
    ["self_attn.o_proj.weight", [hidden, q]],
    ["post_attention_layernorm.weight", [hidden]],
    ...(isGemma ? gemmaNorms : []),
    ["mlp.gate_proj.weight", [intermediate, hidden]],
    ["mlp.up_proj.weight", [intermediate, hidden]],
    ["mlp.down_proj.weight", [hidden, intermediate]],
  ];
}
