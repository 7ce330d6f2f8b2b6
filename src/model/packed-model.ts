// A packed image: a directory that `dynamo pack` makes of a model, to be shipped and served alone.
//
//   packed-model.json      what the model is, and how its weights are packed      written last but one
//   weights.dynpack        the packed weights, as the engine holds them
//   tokenizer.json, ...    as on the Hugging Face hub
//
// The whole directory gets its name when it is whole, so there is none with a part of it.

import { join } from "node:path";
import * as v from "valibot";
import { MODEL_PARAMETERS } from "../sampling/options.ts";
import { COUNT, EPSILON, FACTOR, SIZE } from "./config-rules.ts";
import { DTYPES } from "./dtype.ts";
import { FAMILIES } from "./families.ts";
import { parseJsonObject, readTextFile } from "./json-object.ts";
import {
  type ModelConfig,
  ModelError,
  type ModelFiles,
  type ModelTensor,
  type PackedWeights,
} from "./model-files.ts";
import { PACKED_CARD } from "./model-path.ts";
import type { Range } from "./value-schemas.ts";

export const PACKED_WEIGHTS = "weights.dynpack";

const within = ({ min, max }: Range) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));
const whole = (range: Range) => v.pipe(within(range), v.integer());
const size = whole(SIZE);
const count = whole(COUNT);
const factor = within(FACTOR);
const tokenId = whole({ min: 0, max: SIZE.max });
const numBytes = whole({ min: 1, max: Number.MAX_SAFE_INTEGER });

const RopeScalingSchema = v.variant("type", [
  v.strictObject({
    ...{ type: v.literal("llama3"), factor, lowFreqFactor: factor, highFreqFactor: factor },
    originalMaxPositionEmbeddings: size,
  }),
  v.strictObject({ type: v.literal("linear"), factor }),
  v.strictObject({
    ...{ type: v.literal("yarn"), factor, originalMaxPositionEmbeddings: size },
    ...{ betaFast: factor, betaSlow: factor, attentionFactor: factor, truncate: v.boolean() },
  }),
  v.strictObject({
    type: v.literal("factors"),
    factors: v.pipe(v.array(factor), v.maxLength(2048)),
  }),
  v.strictObject({ type: v.literal("none") }),
]);

const LocalSchema = v.strictObject({
  layers: v.pipe(v.array(v.boolean()), v.maxLength(COUNT.max)),
  slidingWindow: v.optional(size),
  ropeTheta: factor,
  ropeScaling: v.optional(RopeScalingSchema),
});

const ConfigSchema = v.strictObject({
  architecture: v.picklist(FAMILIES.map((family) => family.name)),
  ...{ vocabSize: size, hiddenSize: size, intermediateSize: size, numLayers: count },
  ...{ numHeads: count, numKvHeads: count, headSize: count, rmsNormEps: within(EPSILON) },
  ...{ attentionBias: v.boolean(), qkNorm: v.boolean(), ropeTheta: factor },
  ropeScaling: v.optional(RopeScalingSchema),
  ropeLayout: v.picklist(["halves", "interleaved"]),
  slidingWindow: v.optional(size),
  local: v.exactOptional(LocalSchema),
  qkNormRows: v.exactOptional(v.literal(true)),
  postNorms: v.exactOptional(v.picklist(["besides", "instead"])),
  normOffset: v.exactOptional(v.literal(1)),
  activation: v.exactOptional(v.picklist(["gelu_tanh"])),
  ...{ embeddingScale: v.exactOptional(factor), attentionScale: v.exactOptional(factor) },
  ...{ attentionSoftcap: v.exactOptional(factor), logitSoftcap: v.exactOptional(factor) },
  maxPositionEmbeddings: size,
  tieWordEmbeddings: v.boolean(),
  bosTokenId: v.optional(tokenId),
  eosTokenIds: v.pipe(v.array(tokenId), v.maxLength(16)),
});

const name = v.pipe(v.string(), v.maxLength(1000));
const shape = v.pipe(v.array(size), v.minLength(1), v.maxLength(2));
const storedFields = { name, dtype: v.pipe(v.string(), v.maxLength(100)), shape, numBytes };
const dtype = v.picklist(Object.keys(DTYPES) as (keyof typeof DTYPES)[]); // `Object.keys` forgets them
const groupSize = v.pipe(v.number(), v.integer(), v.minValue(32), v.multipleOf(32));
const plainFields = { ...storedFields, type: v.literal("plain"), dtype };

const TensorSchema = v.variant("type", [
  v.strictObject(plainFields),
  v.strictObject({
    ...{ type: v.picklist(["gptq", "awq"]), name, shape, numBytes },
    ...{ groupSize, zeroOffset: v.picklist([0, 1]) },
    ...{ qweight: v.strictObject(storedFields), qzeros: v.strictObject(storedFields) },
    scales: v.strictObject(plainFields),
  }),
]);

const DefaultsSchema = v.strictObject(
  Object.fromEntries(
    MODEL_PARAMETERS.map(({ name, isWhole, min, max, raisedTo = min }) => {
      const range = { min: raisedTo, max };
      return [name, v.exactOptional(isWhole ? whole(range) : within(range))];
    }),
  ),
);

const CardSchema = v.strictObject({
  format: v.literal("dynamo packed model"),
  version: v.literal(1),
  /** For people: the name of what it was made of. */
  source: name,
  isa: name,
  packVersion: whole({ min: 0, max: 2 ** 32 - 1 }),
  key: v.pipe(v.string(), v.regex(/^[0-9a-f]{1,16}$/)),
  quantization: v.nullable(v.picklist(["q8", "q4"])),
  config: ConfigSchema,
  generationDefaults: DefaultsSchema,
  tensors: v.pipe(v.array(TensorSchema), v.maxLength(100_000)),
});

/** Reads and checks the image in `directory`; its weights are left to the engine. */
export async function openPacked(directory: string): Promise<ModelFiles> {
  const place = join(directory, PACKED_CARD);
  const json = parseJsonObject(place, (await readTextFile(place)) ?? "");
  const parsed = v.safeParse(CardSchema, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const path = v.getDotPath(issue) ?? "";
    throw new ModelError(
      `${place}: ${path}: ${issue.message}; the image is damaged or of another version of dynamo, so pack the model again`,
    );
  }
  const { config, tensors, key, quantization, generationDefaults, ...card } = parsed.output;
  const path = join(directory, PACKED_WEIGHTS);
  const at = { path, offset: 0 };
  const packed: PackedWeights = {
    ...{ path, isa: card.isa, packVersion: card.packVersion, key: BigInt(`0x${key}`) },
    quantization: quantization ?? undefined,
  };
  return {
    path: directory,
    config: restored(config),
    generationDefaults,
    unusedKeys: [],
    tensors: new Map(tensors.map((tensor) => [tensor.name, placed(tensor, at)])),
    packed,
  };
}

/** Puts back what JSON leaves out. */
function restored(config: v.InferOutput<typeof ConfigSchema>): ModelConfig {
  const { ropeScaling, slidingWindow, bosTokenId, local, ...rest } = config;
  const common = { ...rest, ropeScaling, slidingWindow, bosTokenId };
  if (local === undefined) return common;
  const { ropeScaling: scaling, slidingWindow: window } = local;
  return { ...common, local: { ...local, ropeScaling: scaling, slidingWindow: window } };
}

function placed(
  tensor: v.InferOutput<typeof TensorSchema>,
  at: { readonly path: string; readonly offset: number },
): ModelTensor {
  if (tensor.type === "plain") return { ...tensor, ...at };
  const { qweight, qzeros, scales } = tensor;
  return {
    ...tensor,
    qweight: { ...qweight, ...at },
    qzeros: { ...qzeros, ...at },
    scales: { ...scales, ...at },
    groupIndex: undefined,
  };
}

/** The text of an image's card. */
export function packedCard(
  { config, generationDefaults, tensors }: ModelFiles,
  packed: Omit<PackedWeights, "path"> & { readonly source: string },
): string {
  const { source, isa, packVersion, key, quantization = null } = packed;
  const card: v.InferInput<typeof CardSchema> = {
    ...{ format: "dynamo packed model", version: 1, source, isa, packVersion },
    ...{ key: key.toString(16), quantization, generationDefaults },
    config: { ...config, eosTokenIds: [...config.eosTokenIds] } as v.InferInput<
      typeof ConfigSchema
    >, // readonly lists
    tensors: [...tensors.values()].map(unplaced),
  };
  return `${JSON.stringify(card, undefined, 1)}\n`;
}

type StoredFields = v.InferInput<v.StrictObjectSchema<typeof storedFields, undefined>>;

function unplaced(tensor: ModelTensor): v.InferInput<typeof TensorSchema> {
  const { name, numBytes } = tensor;
  const shape = [...tensor.shape];
  if (tensor.type === "plain") return { type: "plain", name, shape, numBytes, dtype: tensor.dtype };
  const { type, zeroOffset, qweight, qzeros, scales } = tensor;
  const stored = (piece: StoredFields | typeof qweight): StoredFields => ({
    ...{ name: piece.name, dtype: piece.dtype, numBytes: piece.numBytes },
    shape: [...piece.shape],
  });
  return {
    ...{ type, name, shape, numBytes, zeroOffset },
    groupSize: tensor.groupSize,
    ...{ qweight: stored(qweight), qzeros: stored(qzeros) },
    scales: { ...stored(scales), type: "plain", dtype: scales.dtype },
  };
}
