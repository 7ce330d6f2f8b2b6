// Models for the engine's benchmark: real shapes, random weights, as GGUF, so that the peer reads the same file. Made
// once, into the user's cache. The head has the type of all matrices, as by `llama-quantize --pure`: otherwise a Q4_0
// file would have a head of Q6_K, and a quarter of the work would be of another type.

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { tensorBytes } from "../../model/gguf-writer.ts";
import { type ModelShape, SHAPES } from "../../model/model-shapes.ts";
import { planTensors, writeRandomGguf } from "../../model/random-gguf.ts";

type BenchShape = keyof typeof SHAPES;

export const BENCH_TYPES = ["Q8_0", "Q4_0", "BF16"] as const;
export type BenchType = (typeof BENCH_TYPES)[number];

export interface BenchModel {
  readonly name: string;
  readonly type: BenchType;
  readonly shape: ModelShape;
  readonly path: string;
  /** Bytes of the file that decoding a token reads: all matrices once, but experts that it does not go to. */
  readonly weightBytes: number;
  /** Multiplications and additions of a token in all layers, and of a row in the head. */
  readonly layerFlop: number;
  readonly headFlop: number;
}

/** Changes with the generator, so that no benchmark reads what an older one wrote. */
const GENERATION = 1;

export const cacheFolder = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "dynamo-bench",
);

export function benchModel(name: BenchShape, type: BenchType): BenchModel {
  const shape = SHAPES[name];
  const path = join(cacheFolder, `${name}-${type}-pure-${GENERATION}.gguf`);
  if (!existsSync(path)) {
    mkdirSync(cacheFolder, { recursive: true });
    console.log(`making ${path}`);
    writeRandomGguf(`${path}.${process.pid}`, { shape, type, head: "pure" });
    renameSync(`${path}.${process.pid}`, path);
  }
  return { name, type, shape, path, ...workOf(shape, type) };
}

export function shapeOf(name: string): BenchShape {
  if (name in SHAPES) return name as BenchShape;
  throw new Error(`no model ${name}; there are: ${Object.keys(SHAPES).join(", ")}`);
}

function workOf(shape: ModelShape, type: BenchType) {
  const matrices = planTensors(shape, type, "pure").filter((tensor) => tensor.shape.length === 2);
  const headName = shape.isTied ? "model.embed_tokens.weight" : "lm_head.weight";
  let [weightBytes, layerFlop, headFlop] = [0, 0, 0];
  const { numPerToken = 1, numExperts = 1 } = shape.experts ?? {};
  for (const { name, dtype, shape: sizes, layer, expert } of matrices) {
    if (layer === undefined && name !== headName) continue; // an embedding is looked up
    const share = expert === undefined ? 1 : numPerToken / numExperts;
    weightBytes += share * tensorBytes(dtype, sizes);
    const flop = share * 2 * sizes.reduce((product, size) => product * size, 1);
    if (layer === undefined) headFlop += flop;
    else layerFlop += flop;
  }
  return { weightBytes, layerFlop, headFlop };
}

/** Bytes of K and V that a token attending to `context` positions reads, as BF16. */
export function kvBytes({ shape }: BenchModel, context: number): number {
  return 4 * shape.numLayers * shape.numKvHeads * shape.headSize * context;
}

/** Multiplications and additions of attention for a token that attends to `context` positions. */
export function attentionFlop({ shape }: BenchModel, context: number): number {
  return 4 * shape.numLayers * shape.numHeads * shape.headSize * context;
}
