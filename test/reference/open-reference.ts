// A model in any stored format as the reference computes it: each weight in double precision.

import { readFileSync } from "node:fs";

import { neededTensors } from "../../src/model/decoder-tensors.ts";
import type { ModelConfig, ModelFiles, ModelTensor } from "../../src/model/model-files.ts";
import { dequantise } from "./dequantise.ts";
import { dequantiseGrouped } from "./dequantise-grouped.ts";
import { ReferenceLlama } from "./llama.ts";
import { weightsOf } from "./rounding/matrix.ts";
import { matrixOf } from "./rounding/stored-matrix.ts";

type Vector = Float64Array<ArrayBuffer>;
type Place = Readonly<Record<"path", string> & Record<"offset" | "numBytes", number>>;

/**
 * The tensors' places are taken from `model`; their meaning is read by the reference's own rules. `quantization`:
 * with the weights that float matrices become when they are loaded so.
 */
export function openReference(
  { config, tensors }: ModelFiles,
  quantization?: "q8" | "q4",
): ReferenceLlama {
  const files = new Map<string, Buffer>();
  const bytesOf: BytesOf = ({ path, offset, numBytes }) => {
    const file = files.get(path) ?? readFileSync(path);
    files.set(path, file);
    return Uint8Array.from(file.subarray(offset, offset + numBytes));
  };
  const weights = new Map<string, Vector>();
  for (const { huggingFace: name } of neededTensors(config)) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    const weight = quantizedOf(tensor, quantization, bytesOf) ?? weightOf(tensor, bytesOf);
    const isRotated = /\.self_attn\.[qk]_proj\./.test(name);
    const isInterleaved = isRotated && config.ropeLayout === "interleaved";
    weights.set(name, isInterleaved ? toHalves(weight, tensor.shape, config.headSize) : weight);
  }
  return ReferenceLlama.of(
    {
      vocab_size: config.vocabSize,
      hidden_size: config.hiddenSize,
      num_hidden_layers: config.numLayers,
      num_attention_heads: config.numHeads,
      num_key_value_heads: config.numKvHeads,
      head_dim: config.headSize,
      rms_norm_eps: config.rmsNormEps,
      rope_theta: config.ropeTheta,
      tie_word_embeddings: config.tieWordEmbeddings,
      ...expertsJson(config),
    },
    weights,
  );
}

function expertsJson({ architecture, experts }: ModelConfig) {
  if (experts === undefined) return {};
  const count = architecture === "mixtral" ? "num_local_experts" : "num_experts";
  return {
    [count]: experts.numExperts,
    num_experts_per_tok: experts.numExpertsPerToken,
    norm_topk_prob: experts.normTopK,
  };
}

type BytesOf = (place: Place) => Uint8Array<ArrayBuffer>;

/** Head and embedding keep 8 bits. */
function quantizedOf(
  tensor: ModelTensor,
  quantization: "q8" | "q4" | undefined,
  bytesOf: BytesOf,
): Vector | undefined {
  const { type, name, shape } = tensor;
  const isRouter = name.endsWith(".gate.weight");
  if (quantization === undefined || type !== "plain" || shape.length !== 2 || isRouter) {
    return undefined;
  }
  const numInputs = shape[1] as number;
  const to = name.startsWith("model.layers.") ? quantization : "q8";
  return weightsOf(matrixOf({ dtype: tensor.dtype, bytes: bytesOf(tensor), numInputs }, to));
}

function weightOf(tensor: ModelTensor, bytesOf: BytesOf): Vector {
  if (tensor.type === "plain") {
    return Float64Array.from(dequantise(tensor.dtype, bytesOf(tensor)));
  }
  if (tensor.type === "mxfp4") throw new Error("see gpt-oss.ts");
  const { type, shape, groupSize, zeroOffset, qweight, qzeros, scales } = tensor;
  const [numOutputs = 0, numInputs = 0] = shape;
  const weight = dequantiseGrouped({
    ...{ type, numOutputs, numInputs, groupSize, zeroOffset },
    qweight: new Uint32Array(bytesOf(qweight).buffer),
    qzeros: new Uint32Array(bytesOf(qzeros).buffer),
    scales: dequantise(scales.dtype, bytesOf(scales)),
  });
  return Float64Array.from(weight);
}

/** Row 2i + j of an interleaved head is row j * D/2 + i of the same head in halves. */
function toHalves(weight: Vector, shape: readonly number[], headSize: number): Vector {
  const [, columns = 1] = shape;
  const halves: Vector = new Float64Array(weight.length);
  for (let row = 0; row < weight.length / columns; row++) {
    const inHead = row % headSize;
    const to = row - inHead + (inHead % 2) * (headSize / 2) + Math.floor(inHead / 2);
    halves.set(weight.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return halves;
}
