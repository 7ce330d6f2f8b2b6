// Steps of a family's decoder beside Llama's, with a model's own numbers.

import { FACTOR } from "./config-rules.ts";
import type { Family, FamilyKey } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import type { ModelConfig } from "./model-files.ts";
import { within } from "./value-schemas.ts";

export type DecoderSteps = Partial<
  Pick<
    ModelConfig,
    | ("qkNormRows" | "postNorms" | "normOffset" | "activation")
    | ("embeddingScale" | "attentionScale" | "attentionSoftcap" | "logitSoftcap")
  >
>;

/** From config.json. */
export function parseDecoderSteps(
  json: JsonObject,
  family: Family,
  { hiddenSize }: Pick<ModelConfig, "hiddenSize">,
): DecoderSteps {
  const { defaults, decoder } = family;
  const read = (key: FamilyKey, otherwise: number | undefined) => {
    if (!family.keys?.includes(key)) return undefined;
    // A `null` turns it off; only a key that is not there means the default.
    const value = json.has(key) ? json.read(key, within({ min: 0, max: FACTOR.max })) : otherwise;
    return value || undefined;
  };
  const scalar = read("query_pre_attn_scalar", defaults.queryPreAttnScalar);
  return {
    ...fixedSteps(family, hiddenSize),
    ...(decoder?.normOffset && { normOffset: decoder.normOffset }),
    ...(scalar !== undefined && { attentionScale: scalar ** -0.5 }),
    ...softcaps({
      attention: read("attn_logit_softcapping", defaults.attentionSoftcap),
      logit: read("final_logit_softcapping", defaults.logitSoftcap),
    }),
  };
}

/** From a GGUF file, whose weights of norms have their offset. */
export function parseGgufDecoderSteps(
  metadata: JsonObject,
  family: Family,
  sizes: Pick<ModelConfig, "hiddenSize" | "numLayers" | "numHeads" | "headSize">,
): DecoderSteps {
  const { hiddenSize, numLayers, numHeads, headSize } = sizes;
  const { defaults, keys = [], gguf } = family;
  const name = gguf?.architecture;
  const read = (key: string) =>
    metadata.read(`${name}.${key}`, within({ min: 0, max: FACTOR.max })) || undefined;
  const isScaled = keys.includes("query_pre_attn_scalar");
  const scaledSize = numLayers === gguf?.layersScaledByHidden ? hiddenSize / numHeads : headSize;
  return {
    ...fixedSteps(family, hiddenSize),
    ...(isScaled && { attentionScale: read("attention.scale") ?? scaledSize ** -0.5 }),
    ...(isScaled &&
      softcaps({
        attention: read("attn_logit_softcapping") ?? defaults.attentionSoftcap,
        logit: read("final_logit_softcapping") ?? defaults.logitSoftcap,
      })),
  };
}

function fixedSteps({ decoder = {} }: Family, hiddenSize: number): DecoderSteps {
  const { qkNormRows, postNorms, activation, scaledEmbedding } = decoder;
  return {
    ...(qkNormRows && { qkNormRows }),
    ...(postNorms && { postNorms }),
    ...(activation && { activation }),
    ...(scaledEmbedding && { embeddingScale: Math.sqrt(hiddenSize) }),
  };
}

function softcaps(caps: {
  readonly attention: number | undefined;
  readonly logit: number | undefined;
}): DecoderSteps {
  const { attention, logit } = caps;
  return {
    ...(attention !== undefined && { attentionSoftcap: attention }),
    ...(logit !== undefined && { logitSoftcap: logit }),
  };
}
