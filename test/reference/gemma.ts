// Gemma 2 and 3, OLMo 2 and 3 and EXAONE 4 in double precision, written from transformers' modeling files of each,
// slow and plain. It shares no code with what it checks: it reads config.json
// and safetensors itself.
//
// Letters: H hidden size, D head size, V vocabulary.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { type ReferenceSample, readSafetensors, ropeFrequencies } from "./llama.ts";

type Vector = Float64Array<ArrayBuffer>;

/** As in config.json. */
export interface GemmaConfig {
  readonly model_type: string;
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_local_base_freq?: number;
  readonly rope_scaling?: Parameters<typeof ropeFrequencies>[0]["rope_scaling"];
  readonly sliding_window?: number | null;
  readonly layer_types?: readonly string[];
  readonly query_pre_attn_scalar?: number;
  readonly attn_logit_softcapping?: number | null;
  readonly final_logit_softcapping?: number | null;
  readonly tie_word_embeddings: boolean;
  readonly torch_dtype: string;
}

/** K and V of the positions so far. */
interface LayerCache {
  readonly keys: Vector[];
  readonly values: Vector[];
}

interface Traits {
  /** Weights of norms are stored as w - 1; GeLU; the embedding is scaled. */
  readonly isGemma: boolean;
  /** Norm of q and k. */
  readonly qk: "none" | "heads" | "rows";
  /** Norms before attention and MLP. */
  readonly hasPreNorms: boolean;
}

const TRAITS: Readonly<Record<string, Traits>> = {
  gemma2: { isGemma: true, qk: "none", hasPreNorms: true },
  gemma3_text: { isGemma: true, qk: "heads", hasPreNorms: true },
  olmo2: { isGemma: false, qk: "rows", hasPreNorms: false },
  olmo3: { isGemma: false, qk: "rows", hasPreNorms: false },
  exaone4: { isGemma: false, qk: "heads", hasPreNorms: false },
};

export class ReferenceGemma {
  readonly #config: GemmaConfig;
  readonly #traits: Traits;
  readonly #tensors: ReadonlyMap<string, Vector>;

  private constructor(config: GemmaConfig, tensors: ReadonlyMap<string, Vector>) {
    const traits = TRAITS[config.model_type];
    if (traits === undefined) throw new Error(`no reference for ${config.model_type}`);
    this.#config = config;
    this.#traits = traits;
    this.#tensors = tensors;
  }

  /** A directory with config.json and model.safetensors. */
  static load(directory: string): ReferenceGemma {
    const config: GemmaConfig = JSON.parse(readFileSync(join(directory, "config.json"), "utf8"));
    const tensors = new Map(readSafetensors(join(directory, "model.safetensors")));
    return new ReferenceGemma(config, tensors);
  }

  /** The likeliest continuation, token by token, and how likely each is. */
  greedySamples(promptIds: readonly number[], numTokens: number): ReferenceSample[] {
    const caches = this.#newCaches();
    let x: Vector = new Float64Array();
    for (const id of promptIds) x = this.#forward(id, caches);
    return Array.from({ length: numTokens }, () => {
      const logits = this.#logits(x);
      const id = logits.indexOf(Math.max(...logits));
      x = this.#forward(id, caches);
      const max = Math.max(...logits);
      const total = logits.reduce((all, logit) => all + Math.exp(logit - max), 0);
      return { id, logprob: at(logits, id) - max - Math.log(total) };
    });
  }

  #newCaches(): readonly LayerCache[] {
    return Array.from({ length: this.#config.num_hidden_layers }, () => ({ keys: [], values: [] }));
  }

  /** The residual stream [H] after all layers, for the token that follows what is in the caches. */
  #forward(id: number, caches: readonly LayerCache[]): Vector {
    const { hidden_size: size } = this.#config;
    const scale = this.#traits.isGemma ? this.#embeddingScale() : 1;
    let x = this.#weight("model.embed_tokens").slice(id * size, (id + 1) * size);
    x = x.map((element) => element * scale);
    for (const [layer, cache] of caches.entries()) {
      const name = (part: string) => `model.layers.${layer}.${part}`;
      const pre = (part: string) => (this.#traits.hasPreNorms ? this.#norm(x, name(part)) : x);
      const attended = this.#attention(layer, pre("input_layernorm"), cache);
      x = sum(x, this.#norm(attended, name("post_attention_layernorm")));
      const activated = this.#mlp(layer, pre("pre_feedforward_layernorm"));
      x = sum(x, this.#norm(activated, name("post_feedforward_layernorm")));
    }
    return x;
  }

  /** [V] */
  #logits(x: Vector): Vector {
    const { tie_word_embeddings, final_logit_softcapping: cap } = this.#config;
    const head = this.#weight(tie_word_embeddings ? "model.embed_tokens" : "lm_head");
    return multiply(head, this.#norm(x, "model.norm")).map((logit) => softcap(logit, cap));
  }

  /** In the type of the weights. */
  #embeddingScale(): number {
    const exact = Math.sqrt(this.#config.hidden_size);
    if (this.#config.torch_dtype !== "bfloat16") return exact;
    const word = new DataView(new ArrayBuffer(4));
    word.setFloat32(0, exact);
    const bits = word.getUint32(0);
    word.setUint32(0, (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
    return word.getFloat32(0);
  }

  #isLocal(layer: number): boolean {
    return this.#config.layer_types?.[layer] === "sliding_attention";
  }

  /** [D / 2], radians a position; undefined where nothing is rotated. */
  #frequencies(layer: number): readonly number[] | undefined {
    const { model_type, head_dim, rope_theta, rope_scaling, rope_local_base_freq } = this.#config;
    const isLocal = this.#isLocal(layer);
    const hasWindow = this.#config.sliding_window != null;
    if (model_type === "exaone4" && hasWindow && !isLocal) return undefined;
    if (model_type === "gemma3_text" && isLocal) {
      return ropeFrequencies({ rope_theta: rope_local_base_freq ?? 10000 }, head_dim);
    }
    if (model_type === "olmo3" && isLocal) return ropeFrequencies({ rope_theta }, head_dim);
    return ropeFrequencies({ rope_theta, rope_scaling: rope_scaling ?? null }, head_dim);
  }

  /** YaRN multiplies sine and cosine. */
  #magnitude(layer: number): number {
    const { rope_scaling, model_type } = this.#config;
    if (rope_scaling?.rope_type !== "yarn") return 1;
    return model_type === "olmo3" && this.#isLocal(layer)
      ? 1
      : 1 + 0.1 * Math.log(rope_scaling.factor);
  }

  /** [H] of [H]; adds K and V to the cache. */
  #attention(layer: number, x: Vector, { keys, values }: LayerCache): Vector {
    const { num_attention_heads: numHeads, num_key_value_heads: numKvHeads } = this.#config;
    const { head_dim: size, attn_logit_softcapping: cap } = this.#config;
    const scale = (this.#config.query_pre_attn_scalar ?? size) ** -0.5;
    const name = (part: string) => `model.layers.${layer}.self_attn.${part}`;
    const position = keys.length;
    const project = (part: "q" | "k") => {
      const projected = multiply(this.#weight(name(`${part}_proj`)), x);
      return this.#rotate(layer, this.#normQk(projected, name(`${part}_norm`)), position);
    };
    const q = project("q");
    keys.push(project("k"));
    values.push(multiply(this.#weight(name("v_proj")), x));
    const window = this.#isLocal(layer) ? (this.#config.sliding_window ?? Infinity) : Infinity;
    const out: Vector = new Float64Array(numHeads * size);
    for (let head = 0; head < numHeads; head++) {
      const kv = Math.floor((head * numKvHeads) / numHeads) * size;
      const query = q.subarray(head * size, (head + 1) * size);
      const weights = keys.map((key, j) =>
        j > position - window
          ? Math.exp(softcap(dot(query, key.subarray(kv, kv + size)) * scale, cap))
          : 0,
      );
      const total = weights.reduce((all, weight) => all + weight, 0);
      for (const [j, weight] of weights.entries()) {
        for (let d = 0; d < size; d++) {
          const value = at(values[j] as Vector, kv + d);
          out[head * size + d] = at(out, head * size + d) + (weight / total) * value;
        }
      }
    }
    return multiply(this.#weight(name("o_proj")), out);
  }

  #normQk(row: Vector, name: string): Vector {
    const { head_dim: size } = this.#config;
    switch (this.#traits.qk) {
      case "none":
        return row;
      case "rows":
        return this.#norm(row, name);
      case "heads": {
        const heads = Array.from({ length: row.length / size }, (_, head) =>
          this.#norm(row.subarray(head * size, (head + 1) * size), name),
        );
        return Float64Array.from(heads.flatMap((head) => [...head]));
      }
    }
  }

  #rotate(layer: number, row: Vector, position: number): Vector {
    const frequencies = this.#frequencies(layer);
    if (frequencies === undefined) return row;
    const half = frequencies.length;
    const magnitude = this.#magnitude(layer);
    return row.map((value, index) => {
      const inHead = index % (2 * half);
      const angle = position * (frequencies[inHead % half] as number);
      const other = inHead < half ? -at(row, index + half) : at(row, index - half);
      return magnitude * (value * Math.cos(angle) + other * Math.sin(angle));
    });
  }

  #mlp(layer: number, x: Vector): Vector {
    const weight = (part: string) => this.#weight(`model.layers.${layer}.mlp.${part}_proj`);
    const up = multiply(weight("up"), x);
    const gate = multiply(weight("gate"), x).map((g) =>
      this.#traits.isGemma
        ? 0.5 * g * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g ** 3)))
        : g / (1 + Math.exp(-g)),
    );
    return multiply(
      weight("down"),
      gate.map((g, i) => g * at(up, i)),
    );
  }

  #norm(x: Vector, name: string): Vector {
    const weight = this.#weight(name);
    const offset = this.#traits.isGemma ? 1 : 0;
    const scale = 1 / Math.sqrt(dot(x, x) / x.length + this.#config.rms_norm_eps);
    return x.map((value, i) => value * scale * (offset + at(weight, i)));
  }

  #weight(name: string): Vector {
    const tensor = this.#tensors.get(`${name}.weight`);
    if (tensor === undefined) throw new Error(`no tensor ${name}.weight`);
    return tensor;
  }
}

function softcap(x: number, cap: number | null | undefined): number {
  return cap == null ? x : cap * Math.tanh(x / cap);
}

function at(vector: Vector, index: number): number {
  return vector[index] as number;
}

function dot(a: Vector, b: Vector): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += at(a, i) * at(b, i);
  return total;
}

function sum(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value + at(b, i));
}

/** W x, with W [rows, x.length]. */
function multiply(matrix: Vector, x: Vector): Vector {
  return Float64Array.from({ length: matrix.length / x.length }, (_, row) =>
    dot(x, matrix.subarray(row * x.length, (row + 1) * x.length)),
  );
}
