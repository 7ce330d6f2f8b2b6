// A hub's facts of a model beside its files.

import * as v from "valibot";

export interface ModelFacts {
  readonly family: string | undefined;
  readonly numParameters: number | undefined;
  /** Tokens. */
  readonly contextLength: number | undefined;
  readonly hasTemplate: boolean | undefined;
  readonly licence: string | undefined;
}

const answer = v.object({
  cardData: v.nullish(v.object({ license: v.nullish(v.unknown()) })),
  config: v.nullish(
    v.object({
      model_type: v.nullish(v.string()),
      tokenizer_config: v.nullish(v.object({ chat_template: v.nullish(v.unknown()) })),
      chat_template_jinja: v.nullish(v.unknown()),
    }),
  ),
  safetensors: v.nullish(v.object({ total: v.nullish(v.number()) })),
  gguf: v.nullish(
    v.object({
      total: v.nullish(v.number()),
      architecture: v.nullish(v.string()),
      context_length: v.nullish(v.number()),
      chat_template: v.nullish(v.unknown()),
    }),
  ),
});

/** A hub that words it otherwise tells nothing. */
export function modelFacts(told: unknown): ModelFacts {
  const parsed = v.safeParse(answer, told);
  const { cardData, config, safetensors, gguf } = parsed.success ? parsed.output : {};
  const template =
    config?.chat_template_jinja ?? config?.tokenizer_config?.chat_template ?? gguf?.chat_template;
  const licence = cardData?.license;
  return {
    family: config?.model_type ?? gguf?.architecture ?? undefined,
    numParameters: safetensors?.total ?? gguf?.total ?? undefined,
    contextLength: gguf?.context_length ?? undefined,
    hasTemplate: config || gguf ? template != null : undefined,
    licence: typeof licence === "string" ? licence : undefined,
  };
}
