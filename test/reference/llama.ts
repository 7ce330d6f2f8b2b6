// A Llama (Mistral, Qwen2, Qwen3, Qwen3-MoE, Mixtral) in double precision, written from the papers and the conventions of Hugging Face's
// checkpoints, slow and plain. It shares no code with what it checks: it reads config.json and
// safetensors itself.
//
// Letters: H hidden size, D head size, V vocabulary.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** As in config.json. */
export interface ReferenceConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  readonly head_dim?: number;
  readonly rms_norm_eps: number;
  readonly rope_theta?: number;
  readonly rope_scaling?: RopeScaling | null;
  /** Positions that a token sees, its own included. */
  readonly sliding_window?: number | null;
  readonly tie_word_embeddings?: boolean;
  /** Those of Qwen3-MoE and Mixtral; a layer has experts where the files have a router for it. */
  readonly num_experts?: number;
  readonly num_local_experts?: number;
  readonly num_experts_per_tok?: number;
  readonly norm_topk_prob?: boolean;
}

interface RopeScaling {
  readonly rope_type: string;
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly beta_fast?: number;
  readonly beta_slow?: number;
  readonly original_max_position_embeddings: number;
}

type Vector = Float64Array<ArrayBuffer>;

interface Mlp {
  readonly gate: Vector; // [intermediate, H]
  readonly up: Vector; // [intermediate, H]
  readonly down: Vector; // [H, intermediate]
}

interface Mixture {
  readonly router: Vector; // [experts, H]
  readonly experts: readonly Mlp[];
}

interface Layer {
  readonly attentionNorm: Vector; // [H]
  readonly q: Vector; // [heads * D, H]
  readonly k: Vector; // [kv heads * D, H]
  readonly v: Vector; // [kv heads * D, H]
  // Qwen2's biases and Qwen3's norms of a head are there where the files have them.
  readonly qBias: Vector | undefined; // [heads * D]
  readonly kBias: Vector | undefined; // [kv heads * D]
  readonly vBias: Vector | undefined; // [kv heads * D]
  readonly qNorm: Vector | undefined; // [D]
  readonly kNorm: Vector | undefined; // [D]
  readonly o: Vector; // [H, heads * D]
  readonly mlpNorm: Vector; // [H]
  readonly mlp: Mlp | Mixture;
}

/** K and V of the positions so far, for one layer: [position][kv heads * D]. */
interface LayerCache {
  readonly keys: Vector[];
  readonly values: Vector[];
}

export interface ReferenceSample {
  readonly id: number;
  readonly logprob: number;
}

export class ReferenceLlama {
  readonly #config: ReferenceConfig;
  readonly #headSize: number;
  readonly #numKvHeads: number;
  readonly #frequencies: readonly number[]; // [D / 2]
  readonly #magnitude: number; // of sine and cosine
  readonly #embedding: Vector; // [V, H]
  readonly #finalNorm: Vector; // [H]
  readonly #head: Vector; // [V, H]
  readonly #layers: readonly Layer[];

  private constructor(config: ReferenceConfig, tensors: ReadonlyMap<string, Vector>) {
    const weight = (name: string): Vector => {
      const tensor = tensors.get(`${name}.weight`);
      if (tensor === undefined) throw new Error(`no tensor ${name}.weight`);
      return tensor;
    };
    this.#config = config;
    this.#headSize = config.head_dim ?? config.hidden_size / config.num_attention_heads;
    this.#numKvHeads = config.num_key_value_heads ?? config.num_attention_heads;
    this.#frequencies = ropeFrequencies(config, this.#headSize);
    const { rope_type, factor = 1 } = config.rope_scaling ?? {};
    this.#magnitude = rope_type === "yarn" ? 1 + 0.1 * Math.log(factor) : 1;
    // A tied matrix is stored once, under either name.
    const isTied = config.tie_word_embeddings === true;
    const isUnderHead = isTied && !tensors.has("model.embed_tokens.weight");
    this.#embedding = weight(isUnderHead ? "lm_head" : "model.embed_tokens");
    this.#finalNorm = weight("model.norm");
    this.#head = isTied ? this.#embedding : weight("lm_head");
    this.#layers = Array.from({ length: config.num_hidden_layers }, (_, index) =>
      layerWeights(
        (name) => weight(`model.layers.${index}.${name}`),
        (name) => tensors.get(`model.layers.${index}.${name}`),
        config,
      ),
    );
  }

  /** A directory with config.json and one or more .safetensors files. */
  static load(directory: string): ReferenceLlama {
    const config: ReferenceConfig = JSON.parse(
      readFileSync(join(directory, "config.json"), "utf8"),
    );
    const tensors = new Map<string, Vector>();
    for (const name of readdirSync(directory)) {
      if (!name.endsWith(".safetensors")) continue;
      for (const [key, tensor] of readSafetensors(join(directory, name))) tensors.set(key, tensor);
    }
    return new ReferenceLlama(config, tensors);
  }

  /** Weights from elsewhere, by the names of Hugging Face's checkpoints. */
  static of(config: ReferenceConfig, tensors: ReadonlyMap<string, Vector>): ReferenceLlama {
    return new ReferenceLlama(config, tensors);
  }

  /** The state of a prompt's last token behind the final norm. */
  hiddenState(promptIds: readonly number[]): Vector {
    const cache = this.#layers.map((): LayerCache => ({ keys: [], values: [] }));
    let hidden: Vector = new Float64Array();
    for (const id of promptIds) hidden = this.#forward(id, cache);
    return this.#norm(hidden, this.#finalNorm);
  }

  /** The log-probability of each token after a prompt. */
  logprobs(promptIds: readonly number[]): number[] {
    const logits = multiply(this.#head, this.hiddenState(promptIds));
    return Array.from(logits, (_, id) => logSoftmax(logits, id));
  }

  /** The likeliest continuation, token by token. Ends early with, and includes, one of `stopIds`. */
  greedy(
    promptIds: readonly number[],
    numTokens: number,
    stopIds: readonly number[] = [],
  ): number[] {
    return this.greedySamples(promptIds, numTokens, stopIds).map(({ id }) => id);
  }

  greedySamples(
    promptIds: readonly number[],
    numTokens: number,
    stopIds: readonly number[] = [],
  ): ReferenceSample[] {
    const cache = this.#layers.map((): LayerCache => ({ keys: [], values: [] }));
    const samples: ReferenceSample[] = [];
    let hidden: Vector = new Float64Array();
    for (const id of promptIds) hidden = this.#forward(id, cache);
    while (samples.length < numTokens) {
      const logits = multiply(this.#head, this.#norm(hidden, this.#finalNorm));
      const id = argmax(logits);
      samples.push({ id, logprob: logSoftmax(logits, id) });
      if (stopIds.includes(id)) break;
      hidden = this.#forward(id, cache);
    }
    return samples;
  }

  /** The logits after the prompt, and then after each of its likeliest continuations, `numTokens` in all. */
  greedyLogits(promptIds: readonly number[], numTokens: number): Vector[] {
    const cache = this.#layers.map((): LayerCache => ({ keys: [], values: [] }));
    let hidden: Vector = new Float64Array();
    for (const id of promptIds) hidden = this.#forward(id, cache);
    const steps: Vector[] = [];
    for (;;) {
      const logits = multiply(this.#head, this.#norm(hidden, this.#finalNorm));
      steps.push(logits);
      if (steps.length === numTokens) return steps;
      hidden = this.#forward(argmax(logits), cache);
    }
  }

  /** Tokens that may follow `tokenIds`, the likeliest first. */
  likeliest(tokenIds: readonly number[], count: number): ReferenceSample[] {
    const cache = this.#layers.map((): LayerCache => ({ keys: [], values: [] }));
    let hidden: Vector = new Float64Array();
    for (const id of tokenIds) hidden = this.#forward(id, cache);
    const logits = multiply(this.#head, this.#norm(hidden, this.#finalNorm));
    const ids = Array.from(logits.keys()).sort((a, b) => at(logits, b) - at(logits, a));
    return ids.slice(0, count).map((id) => ({ id, logprob: logSoftmax(logits, id) }));
  }

  /** The residual stream after all layers, for the token that follows what is in the cache. */
  #forward(id: number, cache: readonly LayerCache[]): Vector {
    const size = this.#config.hidden_size;
    const x = this.#embedding.slice(id * size, (id + 1) * size);
    for (const [index, layer] of this.#layers.entries()) {
      const layerCache = cache[index] as LayerCache;
      add(x, this.#attention(layer, this.#norm(x, layer.attentionNorm), layerCache));
      add(x, this.#mlp(layer.mlp, this.#norm(x, layer.mlpNorm)));
    }
    return x;
  }

  #mlp(layer: Mlp | Mixture, x: Vector): Vector {
    if (!("router" in layer)) return mlp(layer, x);
    const { num_experts_per_tok = 2, norm_topk_prob = false, num_local_experts } = this.#config;
    const shares = softmax([...multiply(layer.router, x)]);
    const order = [...shares.keys()].sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0));
    const chosen = order.slice(0, num_experts_per_tok);
    // Mixtral, which has a key of its own for the number of experts, always norms.
    const isNormed = norm_topk_prob || num_local_experts !== undefined;
    const sum = isNormed ? chosen.reduce((total, id) => total + (shares[id] ?? 0), 0) : 1;
    const out: Vector = new Float64Array(x.length);
    for (const id of chosen) {
      const y = mlp(layer.experts[id] as Mlp, x);
      const weight = (shares[id] ?? 0) / sum;
      add(
        out,
        y.map((value) => weight * value),
      );
    }
    return out;
  }

  #attention(layer: Layer, x: Vector, { keys, values }: LayerCache): Vector {
    const size = this.#headSize;
    const position = keys.length;
    const q = this.#normHeads(project(layer.q, layer.qBias, x), layer.qNorm);
    const k = this.#normHeads(project(layer.k, layer.kBias, x), layer.kNorm);
    const query = this.#rotate(q, position);
    keys.push(this.#rotate(k, position));
    values.push(project(layer.v, layer.vBias, x));

    const numHeads = this.#config.num_attention_heads;
    const headsPerKv = numHeads / this.#numKvHeads;
    const out: Vector = new Float64Array(numHeads * size);
    for (let head = 0; head < numHeads; head++) {
      const kv = Math.floor(head / headsPerKv) * size; // where its K and V begin
      const queryHead = query.subarray(head * size, (head + 1) * size);
      const first = Math.max(0, keys.length - (this.#config.sliding_window ?? Infinity));
      const scores = keys.map((key, j) =>
        j < first ? -Infinity : dot(queryHead, key.subarray(kv, kv + size)) / Math.sqrt(size),
      );
      for (const [j, weight] of softmax(scores).entries()) {
        const value = values[j] as Vector;
        for (let d = 0; d < size; d++) {
          out[head * size + d] = at(out, head * size + d) + weight * at(value, kv + d);
        }
      }
    }
    return multiply(layer.o, out);
  }

  /** Each head on its own, with one weight for all. */
  #normHeads(x: Vector, weight: Vector | undefined): Vector {
    if (weight === undefined) return x;
    const y: Vector = new Float64Array(x.length);
    for (let head = 0; head < x.length; head += weight.length) {
      y.set(this.#norm(x.subarray(head, head + weight.length), weight), head);
    }
    return y;
  }

  /** Hugging Face's "rotate half": pairs are (i, i + D / 2). */
  #rotate(x: Vector, position: number): Vector {
    const size = this.#headSize;
    const half = size / 2;
    const y: Vector = new Float64Array(x.length);
    for (let head = 0; head < x.length; head += size) {
      for (let i = 0; i < half; i++) {
        const angle = position * (this.#frequencies[i] as number);
        const low = this.#magnitude * at(x, head + i);
        const high = this.#magnitude * at(x, head + i + half);
        y[head + i] = low * Math.cos(angle) - high * Math.sin(angle);
        y[head + i + half] = high * Math.cos(angle) + low * Math.sin(angle);
      }
    }
    return y;
  }

  #norm(x: Vector, weight: Vector): Vector {
    const scale = 1 / Math.sqrt(dot(x, x) / x.length + this.#config.rms_norm_eps);
    return x.map((value, i) => value * scale * at(weight, i));
  }
}

function layerWeights(
  weight: (name: string) => Vector,
  optional: (name: string) => Vector | undefined,
  config: ReferenceConfig,
): Layer {
  const [block, ...names] =
    config.num_local_experts === undefined
      ? (["mlp", "gate_proj", "up_proj", "down_proj"] as const)
      : (["block_sparse_moe", "w1", "w3", "w2"] as const);
  const mlpOf = (prefix: string, [gate, up, down] = names): Mlp => ({
    ...{ gate: weight(`${prefix}.${gate}`), up: weight(`${prefix}.${up}`) },
    down: weight(`${prefix}.${down}`),
  });
  const router = optional(`${block}.gate.weight`);
  const numExperts = config.num_experts ?? config.num_local_experts ?? 0;
  const experts = () =>
    Array.from({ length: numExperts }, (_, expert) => mlpOf(`${block}.experts.${expert}`));
  return {
    attentionNorm: weight("input_layernorm"),
    q: weight("self_attn.q_proj"),
    k: weight("self_attn.k_proj"),
    v: weight("self_attn.v_proj"),
    qBias: optional("self_attn.q_proj.bias"),
    kBias: optional("self_attn.k_proj.bias"),
    vBias: optional("self_attn.v_proj.bias"),
    qNorm: optional("self_attn.q_norm.weight"),
    kNorm: optional("self_attn.k_norm.weight"),
    o: weight("self_attn.o_proj"),
    mlpNorm: weight("post_attention_layernorm"),
    mlp: router === undefined ? mlpOf("mlp") : { router, experts: experts() },
  };
}

// --- mathematics -------------------------------------------------------------------------------

function at(vector: Vector, index: number): number {
  return vector[index] as number;
}

function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += at(a, i) * at(b, i);
  return sum;
}

function add(to: Vector, from: Vector): void {
  for (let i = 0; i < to.length; i++) to[i] = at(to, i) + at(from, i);
}

/** W x, with W [rows, x.length]. */
function multiply(matrix: Vector, x: Vector): Vector {
  const y: Vector = new Float64Array(matrix.length / x.length);
  for (let row = 0; row < y.length; row++) {
    y[row] = dot(x, matrix.subarray(row * x.length, (row + 1) * x.length));
  }
  return y;
}

/** W x + b. */
function project(matrix: Vector, bias: Vector | undefined, x: Vector): Vector {
  const y = multiply(matrix, x);
  if (bias !== undefined) add(y, bias);
  return y;
}

function mlp(layer: Mlp, x: Vector): Vector {
  const up = multiply(layer.up, x);
  const gate = multiply(layer.gate, x);
  const activated = gate.map((value, i) => (value / (1 + Math.exp(-value))) * at(up, i));
  return multiply(layer.down, activated);
}

function softmax(scores: readonly number[]): number[] {
  const max = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - max));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The first of the largest. */
function argmax(values: Vector): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (at(values, i) > at(values, best)) best = i;
  return best;
}

function logSoftmax(logits: Vector, id: number): number {
  const max = at(logits, argmax(logits));
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - max), 0);
  return at(logits, id) - max - Math.log(sum);
}

/** theta^(-2i / D), slowed down as the config says. */
export function ropeFrequencies(
  config: Pick<ReferenceConfig, "rope_theta" | "rope_scaling">,
  headSize: number,
): number[] {
  const theta = config.rope_theta ?? 10000;
  const scaling = config.rope_scaling ?? undefined;
  return Array.from({ length: headSize / 2 }, (_, i) => {
    const frequency = theta ** ((-2 * i) / headSize);
    switch (scaling?.rope_type) {
      case undefined:
        return frequency;
      case "linear":
        return frequency / scaling.factor;
      case "yarn":
        return frequency * yarnRatio(i, { theta, headSize, scaling });
      default:
        return scaleLikeLlama3(frequency, scaling as RopeScaling);
    }
  });
}

interface Yarn {
  readonly theta: number;
  readonly headSize: number;
  readonly scaling: RopeScaling;
}

/** 1 for pairs that turn often in the original context, 1 / factor for slow ones, a ramp over the pairs between. */
function yarnRatio(pair: number, { theta, headSize, scaling }: Yarn): number {
  const { factor, beta_fast = 32, beta_slow = 1 } = scaling;
  const length = scaling.original_max_position_embeddings;
  const turnsOf = (i: number) => (length * theta ** ((-2 * i) / headSize)) / (2 * Math.PI);
  const pairs = Array.from({ length: headSize + 1 }, (_, i) => i);
  // The last pair that turns as often, and the first that turns no more often.
  const low = Math.max(0, pairs.findLast((i) => turnsOf(i) >= beta_fast) ?? 0);
  const high = Math.min(headSize - 1, pairs.find((i) => turnsOf(i) <= beta_slow) ?? headSize);
  const slowed = Math.min(1, Math.max(0, (pair - low) / Math.max(high - low, 0.001)));
  return slowed / factor + 1 - slowed;
}

function scaleLikeLlama3(frequency: number, scaling: RopeScaling): number {
  if (scaling.rope_type !== "llama3") throw new Error(`no rope_type ${scaling.rope_type}`);
  const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  const original = scaling.original_max_position_embeddings;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < original / high) return frequency;
  if (wavelength > original / low) return frequency / factor;
  const smooth = (original / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

// --- safetensors -------------------------------------------------------------------------------

interface Entry {
  readonly dtype: string;
  readonly data_offsets: readonly [number, number];
}

export function* readSafetensors(path: string): Iterable<[string, Vector]> {
  const file = readFileSync(path);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header: Record<string, Entry> = JSON.parse(file.toString("utf8", 8, 8 + headerBytes));
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [begin, end] = entry.data_offsets;
    const data = file.subarray(8 + headerBytes + begin, 8 + headerBytes + end);
    yield [name, readElements(data, entry.dtype)];
  }
}

function readElements(data: Buffer, dtype: string): Vector {
  const read = (bytes: number, element: (offset: number) => number): Vector =>
    Float64Array.from({ length: data.length / bytes }, (_, i) => element(i * bytes));
  switch (dtype) {
    case "F32":
      return read(4, (offset) => data.readFloatLE(offset));
    case "BF16":
      return read(2, (offset) => bfloat16(data.readUInt16LE(offset)));
    case "F16":
      return read(2, (offset) => float16(data.readUInt16LE(offset)));
    default:
      throw new Error(`no dtype ${dtype}`);
  }
}

const word = new DataView(new ArrayBuffer(4));

/** The upper half of an F32. */
function bfloat16(bits: number): number {
  word.setUint32(0, bits * 65536);
  return word.getFloat32(0);
}

/** IEEE 754 half precision: 1 sign, 5 exponent and 10 fraction bits. */
function float16(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
