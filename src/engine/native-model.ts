// A model on disk as native takes it: a config, a table of tensors with open files, and a key that
// is equal for equal models only.

import { closeSync, fstatSync, readFileSync } from "node:fs";

import { DynamoError } from "../base/error.ts";
import { openRegularFile } from "../base/regular-file.ts";
import { isEmbedded } from "../model/built-in-model.ts";
import { neededTensors } from "../model/decoder-tensors.ts";
import type { TensorRole } from "../model/families/family.ts";
import type {
  GroupedWeight,
  ModelConfig,
  ModelFiles,
  ModelTensor,
  StoredTensor,
} from "../model/model-files.ts";
import { ropeFrequencies, ropeMagnitude } from "../model/rope-frequencies.ts";
import {
  Activation,
  DTYPES,
  Load,
  MODEL_CONFIG,
  Norms,
  Part,
  QkNorm,
  Quantization,
  Role,
  RopeLayout,
  TENSOR,
} from "./abi.ts";
import { createMemoryFile } from "./memory-file.ts";
import { encode, type FieldsOf } from "./struct-layout.ts";

export interface ModelTable {
  readonly key: bigint;
  readonly config: Uint8Array; // dyn_model_config
  readonly ropeFrequencies: Float64Array; // [1, headSize / 2]; with local layers [2, headSize / 2]
  readonly tensors: Uint8Array; // [numTensors] dyn_tensor
  readonly numTensors: number;
  /** The file of a packed image's weights. */
  readonly imageFd: number | undefined;
}

/** Format of float weights when they are loaded; undefined leaves them as they are. */
export type OnlineQuantization = "q8" | "q4" | undefined;

export interface TableOptions {
  readonly quantization: OnlineQuantization;
  /** Way to use packed weights where there is a file of them: mapped, or read. */
  readonly access: "map" | "read";
}

/** Hands `use` the model's table; its files are open until `use` returns. */
export function withModelTable<T>(
  model: ModelFiles,
  { quantization, access }: TableOptions,
  use: (table: ModelTable) => T,
): T {
  const files = new OpenFiles();
  try {
    const rows = tensorTable(model).map((entry) => tensorFields(entry, files.open(entry.at.path)));
    const config = configFields(model.config, quantization);
    const frequencies = frequenciesOf(model.config);
    const { packed } = model;
    const key = packed?.key ?? modelKey(files, config, frequencies, rows);
    const load = (access === "map" ? Load.MAP : 0) | (packed ? Load.IMAGE_ONLY : 0);
    return use({
      key,
      imageFd: packed && files.open(packed.path),
      config: encode(MODEL_CONFIG, { ...config, load, key }),
      ropeFrequencies: frequencies,
      tensors: encode(TENSOR, ...rows),
      numTensors: rows.length,
    });
  } finally {
    files.close();
  }
}

/** Those of local layers behind those of the others. */
function frequenciesOf(config: ModelConfig): Float64Array {
  const { headSize, local } = config;
  const ordinary = ropeFrequencies(config);
  if (local === undefined) return ordinary;
  return Float64Array.of(...ordinary, ...ropeFrequencies({ headSize, ...local }));
}

/** The model as `dyn_model_measure` takes it: no file is opened. */
export function modelShape(
  model: ModelFiles,
  quantization: OnlineQuantization,
): Pick<ModelTable, "config" | "tensors" | "numTensors"> {
  const rows = tensorTable(model).map((entry) => tensorFields(entry, NO_FILE));
  const config = encode(MODEL_CONFIG, { ...configFields(model.config, quantization), key: 0n });
  return { config, tensors: encode(TENSOR, ...rows), numTensors: rows.length };
}

const NO_FILE = -1;

/** The files' identity and everything that is read from them. */
function modelKey(
  files: OpenFiles,
  config: ConfigFields,
  frequencies: Float64Array,
  rows: readonly FieldsOf<typeof TENSOR>[],
): bigint {
  const shapes = rows.map(({ fd: _, ...fields }) => fields);
  const parts = [files.identity(), config, [...frequencies], shapes];
  const toText = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);
  return Bun.hash.xxHash3(JSON.stringify(parts, toText));
}

/** Files that are open for the time of a load. */
class OpenFiles {
  readonly #fds = new Map<string, number>();

  open(path: string): number {
    const known = this.#fds.get(path);
    if (known !== undefined) return known;
    try {
      const fd = openForNative(path);
      this.#fds.set(path, fd);
      return fd;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ModelNotLoadableError(`cannot open ${path}, a file of the model: ${reason}`);
    }
  }

  /** Changes when any of the files is replaced or rewritten. */
  identity(): string[] {
    return [...this.#fds].map(([path, fd]) => {
      if (isEmbedded(path)) return path; // what is in the executable stays as it is
      const { dev, ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
      return `${dev} ${ino} ${size} ${mtimeNs}`;
    });
  }

  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd);
  }
}

/** An embedded model has no descriptor of its own: its copy lives as long as the load. */
function openForNative(path: string): number {
  return isEmbedded(path) ? createMemoryFile("model", readFileSync(path)) : openRegularFile(path);
}

interface TableEntry {
  readonly role: number;
  readonly layer: number;
  readonly part: number;
  readonly dtype: number;
  readonly shape: readonly number[];
  /** Place of its bytes. */
  readonly at: Pick<StoredTensor, "path" | "offset" | "numBytes">;
}

/** The tensors that the decoder needs, by their names in Hugging Face's checkpoints. */
function tensorTable(model: ModelFiles): TableEntry[] {
  return [...neededTensors(model.config)].flatMap(({ role, layer, huggingFace: name }) => {
    const tensor = model.tensors.get(name);
    if (tensor !== undefined) {
      return entriesOf(tensor).map((entry) => ({ role: roleNumber(role), layer, ...entry }));
    }
    throw new ModelNotLoadableError(
      `model ${model.path} has no tensor ${name}: it is not what its config says, or a file is missing`,
    );
  });
}

function roleNumber(role: TensorRole): number {
  return Role[role.toUpperCase() as Uppercase<TensorRole>]; // of which `toUpperCase` does not know
}

/** One tensor of a file, or the three of a matrix in GPTQ's or AWQ's layout. */
function entriesOf(tensor: ModelTensor): Omit<TableEntry, "role" | "layer">[] {
  if (tensor.type === "plain") {
    const { dtype, shape } = tensor;
    return [{ part: Part.WHOLE, dtype: DTYPES[dtype], shape, at: tensor }];
  }
  const { qweight, qzeros, scales, shape, groupSize } = tensor;
  const [outputs = 0, inputs = 0] = shape;
  const groups = [inputs / groupSize, outputs];
  const dtype = groupedDType(tensor);
  return [
    { part: Part.WHOLE, dtype, shape, at: qweight },
    { part: Part.ZEROS, dtype, shape: groups, at: qzeros },
    { part: Part.SCALES, dtype: DTYPES[scales.dtype], shape: groups, at: scales },
  ];
}

function groupedDType({ type, zeroOffset }: GroupedWeight): number {
  if (type === "awq") return DTYPES.AWQ;
  return zeroOffset === 1 ? DTYPES.GPTQ : DTYPES.GPTQ_V2;
}

function tensorFields(entry: TableEntry, fd: number): FieldsOf<typeof TENSOR> {
  const { role, layer, part, dtype, shape, at } = entry;
  const [rows = 1, columns = 1] = shape;
  return {
    role,
    dtype,
    layer,
    fd,
    rank: shape.length,
    part,
    rows,
    columns,
    offset: at.offset,
    num_bytes: at.numBytes,
  };
}

type ConfigFields = Omit<FieldsOf<typeof MODEL_CONFIG>, "key">;

function configFields(config: ModelConfig, quantization: OnlineQuantization): ConfigFields {
  const { local } = config;
  return {
    local_layers: bitsOf(local?.layers ?? []),
    rms_norm_eps: config.rmsNormEps,
    rope_magnitude: ropeMagnitude(config),
    local_rope_magnitude: local === undefined ? 0 : ropeMagnitude(local),
    embedding_scale: config.embeddingScale ?? 0,
    attention_scale: config.attentionScale ?? 0,
    attention_softcap: config.attentionSoftcap ?? 0,
    logit_softcap: config.logitSoftcap ?? 0,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_layers: config.numLayers,
    num_heads: config.numHeads,
    num_kv_heads: config.numKvHeads,
    head_size: config.headSize,
    tie_word_embeddings: config.tieWordEmbeddings ? 1 : 0,
    attention_bias: config.attentionBias ? 1 : 0,
    qk_norm: qkNormOf(config),
    rope_layout: config.ropeLayout === "interleaved" ? RopeLayout.INTERLEAVED : RopeLayout.HALVES,
    sliding_window: config.slidingWindow ?? 0,
    local_window: local?.slidingWindow ?? 0,
    norms: NORMS[config.postNorms ?? "none"],
    norm_offset: config.normOffset ?? 0,
    activation: config.activation === "gelu_tanh" ? Activation.GELU_TANH : Activation.SILU,
    quantization: QUANTIZATIONS[quantization ?? "none"],
    load: 0,
  };
}

function bitsOf(flags: readonly boolean[]): bigint {
  return flags.reduce((bits, flag, index) => bits | (flag ? 1n << BigInt(index) : 0n), 0n);
}

function qkNormOf({ qkNorm, qkNormRows }: ModelConfig): number {
  if (!qkNorm) return QkNorm.NONE;
  return qkNormRows ? QkNorm.ROWS : QkNorm.HEADS;
}

const NORMS = { none: Norms.BEFORE, besides: Norms.AROUND, instead: Norms.BEHIND } as const;

const QUANTIZATIONS = {
  none: Quantization.NONE,
  q8: Quantization.Q8,
  q4: Quantization.Q4,
} as const;

/** A file or a shape is not what the model's config promises. */
export class ModelNotLoadableError extends DynamoError {
  override readonly code = "model_not_loadable";
}
