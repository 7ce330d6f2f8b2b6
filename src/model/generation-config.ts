import type { JsonObject } from "./json-object.ts";
import type { GenerationDefaults } from "./model-files.ts";

/** Sampling defaults from generation_config.json; a model without one has none. */
export function parseGenerationDefaults(json: JsonObject | undefined): GenerationDefaults {
  const temperature = json?.number("temperature", { min: 0, max: 100 });
  const topP = json?.number("top_p", { min: 0, max: 1 });
  const topK = json?.integer("top_k", { min: -1, max: 2 ** 31 - 1 });
  const repetitionPenalty = json?.number("repetition_penalty", { min: 0.01, max: 100 });
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    // -1 is vLLM's way to say off.
    ...(topK !== undefined && { topK: Math.max(topK, 0) }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
  };
}
