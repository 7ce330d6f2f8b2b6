// `best_of`: more choices are made than are told, and those stay whose tokens were likeliest.

import type { BestChoices, Choice } from "./generation-route.ts";

/** `choices` of all prompts, those of one prompt together. */
export function bestChoices(choices: readonly Choice[], best: BestChoices): readonly Choice[] {
  const numPrompts = choices.length / best.of;
  return Array.from({ length: numPrompts }, (_, prompt) =>
    choices
      .slice(prompt * best.of, (prompt + 1) * best.of)
      .toSorted((a, b) => meanLogprob(b) - meanLogprob(a))
      .slice(0, best.keep)
      .map(({ logprobs, ...rest }) =>
        best.tellsLogprobs && logprobs !== undefined ? { ...rest, logprobs } : rest,
      ),
  ).flat();
}

/** OpenAI's measure: the log-probability per token. A choice without tokens comes last. */
function meanLogprob({ logprobs = [] }: Choice): number {
  const sum = logprobs.reduce((total, { logprob }) => total + logprob, 0);
  return logprobs.length === 0 ? Number.NEGATIVE_INFINITY : sum / logprobs.length;
}
