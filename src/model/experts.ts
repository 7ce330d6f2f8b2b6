// Experts as a model's files tell of them.

import { COUNT, SIZE } from "./config-rules.ts";
import type { ExpertsRule } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import { type Experts, ModelError } from "./model-files.ts";
import { type Range, SWITCH, whole, wholes, within } from "./value-schemas.ts";

/** Bounds of the engine. */
const MAX_EXPERTS = 1024;
const MAX_PER_TOKEN = 64;

const EXPERTS: Range = { min: 0, max: MAX_EXPERTS };

/** Keys of config.json that say where a layer has experts. */
const SOME_LAYERS = ["mlp_only_layers", "decoder_sparse_step"];

/** Those that nothing reads for a family without experts. */
export function expertKeys(rule: ExpertsRule): readonly string[] {
  const { count, perToken, size, normTopK, layers, limit, others = [] } = rule;
  return [
    ...[count.key, perToken.key, size.key, ...others],
    ...(limit === undefined ? [] : [limit.key]),
    ...(normTopK === "asked" ? ["norm_topk_prob"] : []),
    ...(layers === "some" ? SOME_LAYERS : []),
    ...["output_router_logits", "router_jitter_noise"], // of training
  ];
}

export function parseExperts(
  json: JsonObject,
  rule: ExpertsRule | undefined,
  numLayers: number,
): Experts | undefined {
  if (rule === undefined) return undefined;
  const { count, perToken, size } = rule;
  const layers = expertLayers(json, rule, numLayers);
  const numExperts = json.read(count.key, whole(EXPERTS)) ?? count.default;
  if (numExperts === 0 || !layers.includes(true)) return undefined;
  const numExpertsPerToken = json.read(perToken.key, whole(COUNT)) ?? perToken.default;
  checkPerToken(json, perToken.key, { numExperts, numExpertsPerToken });
  const expertSize = json.read(size.key, whole(SIZE)) ?? size.default;
  if (expertSize === undefined) throw json.missing(size.key);
  const normTopK = rule.normTopK === "always" || (json.read("norm_topk_prob", SWITCH) ?? false);
  checkLimit(json, rule);
  const bias = rule.bias && { bias: rule.bias };
  return { numExperts, numExpertsPerToken, expertSize, normTopK, ...bias, layers };
}

function checkLimit(json: JsonObject, { limit }: ExpertsRule): void {
  if (limit === undefined) return;
  const { key, value } = limit;
  const found = json.read(key, within({ min: 0, max: SIZE.max })) ?? value;
  if (found === value) return;
  throw new ModelError(`${json.place}: ${key} is ${found}; supported: ${value}`);
}

/** As transformers' Qwen3MoeDecoderLayer: steps count from the first layer on. */
function expertLayers(json: JsonObject, rule: ExpertsRule, numLayers: number): readonly boolean[] {
  if (rule.layers === "all") return Array(numLayers).fill(true);
  const without = json.read("mlp_only_layers", wholes({ min: 0, max: COUNT.max })) ?? [];
  const step = json.read("decoder_sparse_step", whole(COUNT)) ?? 1;
  return Array.from(
    { length: numLayers },
    (_, layer) => !without.includes(layer) && (layer + 1) % step === 0,
  );
}

/** GGUF files have no key for layers without experts: such have no router. llama.cpp lets the weights sum up to 1. */
export function parseGgufExperts(
  metadata: JsonObject,
  name: string,
  rule: ExpertsRule,
  hasRouter: readonly boolean[],
): Experts | undefined {
  const numExperts = metadata.read(`${name}.expert_count`, whole(EXPERTS)) ?? 0;
  if (numExperts === 0) return undefined;
  const perToken = `${name}.expert_used_count`;
  const numExpertsPerToken = metadata.require(perToken, whole(COUNT));
  checkPerToken(metadata, perToken, { numExperts, numExpertsPerToken });
  return {
    ...{ numExperts, numExpertsPerToken, normTopK: true, layers: hasRouter },
    ...(rule.bias && { bias: rule.bias }),
    expertSize:
      metadata.read(`${name}.expert_feed_forward_length`, whole(SIZE)) ??
      metadata.require(`${name}.feed_forward_length`, whole(SIZE)),
  };
}

/** Keys of GGUF files, behind the architecture's name. */
export const GGUF_EXPERT_KEYS = ["expert_count", "expert_used_count", "expert_feed_forward_length"];

function checkPerToken(
  json: JsonObject,
  key: string,
  { numExperts, numExpertsPerToken: number }: Pick<Experts, "numExperts" | "numExpertsPerToken">,
): void {
  const most = Math.min(numExperts, MAX_PER_TOKEN);
  if (number <= most) return;
  throw new ModelError(
    `${json.place}: ${key} is ${number}, of ${numExperts} experts; at most ${most} are supported`,
  );
}
