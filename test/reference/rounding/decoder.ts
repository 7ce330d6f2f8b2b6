// A decoder that rounds where the engine does, token by token: the engine's twin, written from docs/numerics.md.
// The double-precision one is ../llama.ts.

import { attend, type PoolType, type PoolVector, toPool } from "./attention.ts";
import type { RoundingFacts } from "./facts.ts";
import { addProduct, expF32, type Floats, fround, sumOfSquares } from "./floats.ts";
import { multiply, type RoundedMatrix, rowOf } from "./matrix.ts";

export interface RoundedMlp {
  readonly gate: RoundedMatrix;
  readonly up: RoundedMatrix;
  readonly down: RoundedMatrix;
}

export interface RoundedMixture {
  readonly router: RoundedMatrix;
  readonly experts: readonly RoundedMlp[];
}

export interface RoundedConfig {
  readonly hiddenSize: number;
  readonly headSize: number;
  readonly numKvHeads: number;
  readonly eps: number;
  /** [headSize / 2], radians a position. */
  readonly frequencies: readonly number[];
  readonly pool: PoolType;
  readonly numExpertsPerToken: number;
  readonly normTopK: boolean;
}

export interface RoundedLayer {
  readonly attentionNorm: Floats;
  readonly q: RoundedMatrix;
  readonly k: RoundedMatrix;
  readonly v: RoundedMatrix;
  readonly qBias: Floats | undefined;
  readonly kBias: Floats | undefined;
  readonly vBias: Floats | undefined;
  readonly qNorm: Floats | undefined;
  readonly kNorm: Floats | undefined;
  readonly o: RoundedMatrix;
  readonly mlpNorm: Floats;
  readonly mlp: RoundedMlp | RoundedMixture;
}

export interface RoundedWeights {
  readonly embedding: RoundedMatrix;
  readonly layers: readonly RoundedLayer[];
  readonly finalNorm: Floats;
  readonly head: RoundedMatrix;
}

/** By KV head, then position. */
interface LayerCache {
  readonly keys: PoolVector[][];
  readonly values: PoolVector[][];
}

/** One sequence: `next` takes its tokens one by one. */
export class RoundedSequence {
  readonly #config: RoundedConfig;
  readonly #weights: RoundedWeights;
  readonly #facts: RoundingFacts;
  readonly #cache: readonly LayerCache[];
  #position = 0;

  constructor(config: RoundedConfig, weights: RoundedWeights, facts: RoundingFacts) {
    this.#config = config;
    this.#weights = weights;
    this.#facts = facts;
    const heads = () => Array.from({ length: config.numKvHeads }, (): PoolVector[] => []);
    this.#cache = weights.layers.map(() => ({ keys: heads(), values: heads() }));
  }

  /** The residual stream after the token. */
  next(tokenId: number): Floats {
    const { embedding, layers } = this.#weights;
    const x = rowOf(embedding, tokenId, this.#config.hiddenSize);
    const angles = this.#angles();
    for (const [index, layer] of layers.entries()) {
      const cache = this.#cache[index] as LayerCache;
      add(x, this.#attention(layer, this.#norm(x, layer.attentionNorm), cache, angles));
      const normed = this.#norm(x, layer.mlpNorm);
      if ("router" in layer.mlp) this.#addExperts(layer.mlp, normed, x);
      else add(x, this.#mlp(layer.mlp, normed));
    }
    this.#position += 1;
    return x;
  }

  logits(hidden: Floats): Floats {
    const { head, finalNorm } = this.#weights;
    return multiply(head, this.#norm(hidden, finalNorm), this.#facts);
  }

  #attention(layer: RoundedLayer, x: Floats, cache: LayerCache, angles: Angles): Floats {
    const { headSize, pool } = this.#config;
    const q = this.#heads(layer.q, layer.qBias, layer.qNorm, x, angles);
    const k = this.#heads(layer.k, layer.kBias, layer.kNorm, x, angles);
    const v = multiply(layer.v, x, this.#facts);
    if (layer.vBias !== undefined) add(v, layer.vBias);
    for (const [head, keys] of cache.keys.entries()) {
      const own = [head * headSize, (head + 1) * headSize] as const;
      keys.push(toPool(k.slice(...own), pool));
      cache.values[head]?.push(toPool(v.slice(...own), pool));
    }
    const out = new Float32Array(q.length);
    const group = q.length / k.length;
    for (let at = 0; at < q.length; at += headSize) {
      const kvHead = Math.floor(at / headSize / group);
      const [keys = [], values = []] = [cache.keys[kvHead], cache.values[kvHead]];
      const query = q.subarray(at, at + headSize);
      out.set(attend({ query, keys, values, pool }, this.#facts), at);
    }
    return multiply(layer.o, out, this.#facts);
  }

  /** Projected, + bias, each head normed and turned. */
  #heads(
    matrix: RoundedMatrix,
    bias: Floats | undefined,
    norm: Floats | undefined,
    x: Floats,
    angles: Angles,
  ): Floats {
    const y = multiply(matrix, x, this.#facts);
    if (bias !== undefined) add(y, bias);
    for (let at = 0; at < y.length; at += this.#config.headSize) {
      const head = y.subarray(at, at + this.#config.headSize);
      if (norm !== undefined) head.set(this.#norm(head, norm));
      this.#rotate(head, angles);
    }
    return y;
  }

  #angles(): Angles {
    const turns = this.#config.frequencies.map((frequency) => this.#position * frequency);
    return { cosines: turns.map(Math.cos).map(fround), sines: turns.map(Math.sin).map(fround) };
  }

  #rotate(head: Floats, { cosines, sines }: Angles): void {
    const half = head.length / 2;
    const isFused = this.#facts.isRopeFused;
    for (let i = 0; i < half; i++) {
      const [a, b] = [head[i] as number, head[i + half] as number];
      const [cosine, sine] = [cosines[i] as number, sines[i] as number];
      head[i] = addProduct(isFused, a, cosine, -fround(b * sine));
      head[i + half] = addProduct(isFused, b, cosine, fround(a * sine));
    }
  }

  /** The largest logits first, the lower expert's of two that are equal; added in the order of the experts. */
  #addExperts({ router, experts }: RoundedMixture, normed: Floats, x: Floats): void {
    const { numExpertsPerToken, normTopK } = this.#config;
    const logits = multiply(router, normed, this.#facts);
    const logit = (id: number) => logits[id] as number;
    const order = [...logits.keys()].sort((a, b) => logit(b) - logit(a) || a - b);
    const chosen = order.slice(0, numExpertsPerToken);
    const max = logit(order[0] ?? 0);
    const share = (id: number) => expF32(fround(logit(id) - max));
    const summed = normTopK ? chosen : [...logits.keys()];
    const sum = summed.reduce((total, id) => fround(total + share(id)), 0);
    for (const id of chosen.toSorted((a, b) => a - b)) {
      const y = this.#mlp(experts[id] as RoundedMlp, normed);
      const weight = fround(share(id) / sum);
      add(
        x,
        y.map((value) => fround(weight * value)),
      );
    }
  }

  #mlp(layer: RoundedMlp, x: Floats): Floats {
    const gate = multiply(layer.gate, x, this.#facts);
    const up = multiply(layer.up, x, this.#facts);
    const activated = gate.map((value, i) => {
      const silu = fround(value / fround(1 + expF32(-value)));
      return fround(silu * (up[i] as number));
    });
    return multiply(layer.down, activated, this.#facts);
  }

  #norm(x: Floats, weight: Floats): Floats {
    const mean = fround(sumOfSquares(x, this.#facts) / x.length);
    const scale = fround(1 / fround(Math.sqrt(fround(mean + fround(this.#config.eps)))));
    return x.map((value, i) => fround(fround(value * scale) * (weight[i] as number)));
  }
}

interface Angles {
  readonly cosines: readonly number[];
  readonly sines: readonly number[];
}

function add(to: Floats, from: Floats): void {
  for (const [i, value] of from.entries()) to[i] = (to[i] as number) + value;
}
