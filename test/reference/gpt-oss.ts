// gpt-oss in double precision, written from its model card and the conventions of its files on the Hugging Face hub, slow
// and plain. It shares no code with what it checks: it reads config.json and safetensors itself.
//
// Letters: H hidden size, D head size, E experts, M inner size of an expert.

import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Config {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly num_local_experts: number;
  readonly num_experts_per_tok: number;
  readonly sliding_window: number;
  readonly layer_types: readonly string[];
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling: {
    readonly factor: number;
    readonly beta_fast: number;
    readonly beta_slow: number;
    readonly truncate: boolean;
    readonly original_max_position_embeddings: number;
  };
}

type Vector = readonly number[];

const ALPHA = 1.702;
const LIMIT = 7;

export class ReferenceGptOss {
  readonly #config: Config;
  readonly #tensors: ReadonlyMap<string, Vector>;

  private constructor(config: Config, tensors: ReadonlyMap<string, Vector>) {
    this.#config = config;
    this.#tensors = tensors;
  }

  static load(directory: string): ReferenceGptOss {
    const config: Config = JSON.parse(readFileSync(join(directory, "config.json"), "utf8"));
    return new ReferenceGptOss(config, readTensors(join(directory, "model.safetensors")));
  }

  /** The log-probability of each token after a prompt. */
  logprobs(ids: readonly number[]): number[] {
    const { hidden_size: size, num_hidden_layers: numLayers } = this.#config;
    const embedding = this.#get("model.embed_tokens.weight");
    let rows: Vector[] = ids.map((id) => embedding.slice(id * size, (id + 1) * size));
    for (let layer = 0; layer < numLayers; layer++) {
      const at = `model.layers.${layer}`;
      const attended = this.#attention(
        layer,
        rows.map((x) => this.#norm(x, `${at}.input_layernorm`)),
      );
      rows = rows.map((x, i) => sum(x, attended[i] ?? []));
      rows = rows.map((x) =>
        sum(x, this.#mixture(at, this.#norm(x, `${at}.post_attention_layernorm`))),
      );
    }
    const logits = product(
      this.#get("lm_head.weight"),
      this.#norm(rows.at(-1) ?? [], "model.norm"),
    );
    const max = Math.max(...logits);
    const total = Math.log(logits.reduce((all, logit) => all + Math.exp(logit - max), 0));
    return logits.map((logit) => logit - max - total);
  }

  #attention(layer: number, rows: readonly Vector[]): Vector[] {
    const config = this.#config;
    const { head_dim: size, num_attention_heads: heads, num_key_value_heads: kvHeads } = config;
    const at = `model.layers.${layer}.self_attn`;
    const project = (name: string, x: Vector) =>
      sum(product(this.#get(`${at}.${name}_proj.weight`), x), this.#get(`${at}.${name}_proj.bias`));
    const turned = (name: string) => rows.map((x, i) => this.#rotate(project(name, x), i));
    const [queries, keys] = [turned("q"), turned("k")];
    const values = rows.map((x) => project("v", x));
    const sinks = this.#get(`${at}.sinks`);
    const isWindowed = config.layer_types[layer] === "sliding_attention";
    return rows.map((_, i) => {
      const first = isWindowed ? Math.max(0, i + 1 - config.sliding_window) : 0;
      const out: number[] = [];
      for (let head = 0; head < heads; head++) {
        const from = Math.floor(head / (heads / kvHeads)) * size;
        const query = (queries[i] as Vector).slice(head * size, (head + 1) * size);
        const seen = Array.from({ length: i + 1 - first }, (_, j) => first + j);
        const scores = seen.map(
          (j) => dot(query, (keys[j] as Vector).slice(from, from + size)) / Math.sqrt(size),
        );
        // The sink is one more score, whose share goes nowhere.
        const shares = softmax([...scores, sinks[head] as number]);
        for (let d = 0; d < size; d++) {
          out.push(
            seen.reduce(
              (all, j, k) =>
                all + (shares[k] as number) * ((values[j] as Vector)[from + d] as number),
              0,
            ),
          );
        }
      }
      return project("o", out);
    });
  }

  #mixture(at: string, x: Vector): Vector {
    const { num_local_experts: experts, num_experts_per_tok: perToken } = this.#config;
    const { hidden_size: hidden, intermediate_size: size } = this.#config;
    const logits = sum(
      product(this.#get(`${at}.mlp.router.weight`), x),
      this.#get(`${at}.mlp.router.bias`),
    );
    const order = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number));
    const chosen = order.slice(0, perToken);
    const shares = softmax(chosen.map((expert) => logits[expert] as number));
    let out: Vector = Array(hidden).fill(0);
    const part = (name: string, expert: number) => {
      const all = this.#get(`${at}.mlp.experts.${name}`);
      const length = all.length / experts;
      return all.slice(expert * length, (expert + 1) * length);
    };
    for (const [k, expert] of chosen.entries()) {
      const both = sum(product(part("gate_up_proj", expert), x), part("gate_up_proj_bias", expert));
      const activated = Array.from({ length: size }, (_, m) => {
        const gate = Math.min(both[2 * m] as number, LIMIT);
        const up = Math.min(LIMIT, Math.max(-LIMIT, both[2 * m + 1] as number));
        return (up + 1) * (gate / (1 + Math.exp(-ALPHA * gate)));
      });
      const y = sum(product(part("down_proj", expert), activated), part("down_proj_bias", expert));
      out = sum(
        out,
        y.map((value) => (shares[k] as number) * value),
      );
    }
    return out;
  }

  /** "Rotate half", with YaRN's frequencies. */
  #rotate(x: Vector, position: number): Vector {
    const { head_dim: size, rope_theta: theta, rope_scaling: yarn } = this.#config;
    const pairOf = (turns: number) =>
      (size * Math.log(yarn.original_max_position_embeddings / (2 * Math.PI * turns))) /
      (2 * Math.log(theta));
    const [fast, slow] = [pairOf(yarn.beta_fast), pairOf(yarn.beta_slow)];
    const low = Math.max(0, yarn.truncate ? Math.floor(fast) : fast);
    const high = Math.min(size - 1, yarn.truncate ? Math.ceil(slow) : slow);
    const magnitude = 0.1 * Math.log(yarn.factor) + 1;
    const y = [...x];
    for (let i = 0; i < size / 2; i++) {
      const ramp = Math.min(1, Math.max(0, (i - low) / Math.max(high - low, 0.001)));
      const angle = position * theta ** ((-2 * i) / size) * (ramp / yarn.factor + 1 - ramp);
      for (let head = 0; head < x.length; head += size) {
        const [a, b] = [x[head + i] as number, x[head + i + size / 2] as number];
        y[head + i] = magnitude * (a * Math.cos(angle) - b * Math.sin(angle));
        y[head + i + size / 2] = magnitude * (b * Math.cos(angle) + a * Math.sin(angle));
      }
    }
    return y;
  }

  #norm(x: Vector, name: string): Vector {
    const weight = this.#get(`${name}.weight`);
    const scale = 1 / Math.sqrt(dot(x, x) / x.length + this.#config.rms_norm_eps);
    return x.map((value, i) => value * scale * (weight[i] as number));
  }

  #get(name: string): Vector {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor;
  }
}

function dot(a: Vector, b: Vector): number {
  return a.reduce((all, value, i) => all + value * (b[i] as number), 0);
}

function sum(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value + (b[i] as number));
}

/** W x, with W [rows, x.length]. */
function product(matrix: Vector, x: Vector): Vector {
  return Array.from({ length: matrix.length / x.length }, (_, row) =>
    x.reduce((all, value, i) => all + value * (matrix[row * x.length + i] as number), 0),
  );
}

function softmax(scores: Vector): Vector {
  const max = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - max));
  const total = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / total);
}

interface Entry {
  readonly dtype: string;
  readonly data_offsets: readonly [number, number];
}

/** Numbers of 4 bits: a sign, two bits of exponent, one of fraction. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/** F32, and pairs of `NAME_blocks` and `NAME_scales` as the weight that they stand for. */
function readTensors(path: string): ReadonlyMap<string, Vector> {
  const file = readFileSync(path);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header: Record<string, Entry> = JSON.parse(file.toString("utf8", 8, 8 + headerBytes));
  const bytesOf = ({ data_offsets: [begin, end] }: Entry) =>
    file.subarray(8 + headerBytes + begin, 8 + headerBytes + end);
  const tensors = new Map<string, Vector>();
  for (const [name, entry] of Object.entries(header)) {
    const bytes = bytesOf(entry);
    if (entry.dtype === "F32") {
      tensors.set(
        name,
        Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i)),
      );
    }
    const scales = header[name.replace(/_blocks$/, "_scales")];
    if (!name.endsWith("_blocks") || scales === undefined) continue;
    const exponents = bytesOf(scales);
    const weight = Array.from({ length: 2 * bytes.length }, (_, i) => {
      const byte = bytes[i >> 1] as number;
      const quant = i % 2 === 0 ? byte & 15 : byte >> 4;
      const magnitude = E2M1[quant & 7] as number;
      return (quant < 8 ? magnitude : -magnitude) * 2 ** ((exponents[i >> 5] as number) - 127);
    });
    tensors.set(name.replace(/_blocks$/, ""), weight);
  }
  return tensors;
}
