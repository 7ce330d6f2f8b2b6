// The families that are served. A new one is a file of families/ and a line here.

import { assert } from "../base/assert.ts";
import { ERNIE4_5 } from "./families/ernie4-5.ts";
import type { Family } from "./families/family.ts";
import { GEMMA2, GEMMA3 } from "./families/gemma.ts";
import { LLAMA } from "./families/llama.ts";
import { MISTRAL } from "./families/mistral.ts";
import { EXAONE4, OLMO2, OLMO3 } from "./families/post-norm.ts";
import { QWEN2 } from "./families/qwen2.ts";
import { QWEN3 } from "./families/qwen3.ts";
import { SEED_OSS } from "./families/seed-oss.ts";
import type { ModelConfig } from "./model-files.ts";

export const FAMILIES: readonly Family[] = [
  ...[LLAMA, MISTRAL, QWEN2, QWEN3, ERNIE4_5, SEED_OSS],
  ...[GEMMA2, GEMMA3, OLMO2, OLMO3, EXAONE4],
];

/** The family of a model that was opened. */
export function familyOf({ architecture }: Pick<ModelConfig, "architecture">): Family {
  const family = FAMILIES.find(({ name }) => name === architecture);
  assert(family !== undefined, `no family is called ${architecture}`);
  return family;
}
