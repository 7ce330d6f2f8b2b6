// A packed image's card: all that a configuration may say comes back from it.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ModelConfig, ModelFiles } from "../../src/model/model-files.ts";
import { openModelConfig } from "../../src/model/open-model.ts";
import { packedCard } from "../../src/model/packed-model.ts";
import { TINY_CONFIG, withDirectory } from "./model-directory.ts";
import { type TinyFamily, tinyFamilyConfig } from "./tiny-family.ts";

const IMAGE = { source: "m", isa: "avx2", packVersion: 1, key: 5n, quantization: undefined };

async function configOf(json: object): Promise<ModelConfig> {
  const files = { "config.json": JSON.stringify(json) };
  return (await withDirectory(files, openModelConfig)).config;
}

test.each<[string, object]>([
  ["llama", TINY_CONFIG],
  ...(["gemma2", "gemma3_text", "olmo3", "exaone4"] as const).map(
    (family: TinyFamily): [string, object] => [family, tinyFamilyConfig({ family })],
  ),
])("a card says what the configuration said: %s", async (_, json) => {
  const config = await configOf(json);
  const model: ModelFiles = {
    ...{ path: "m", config, generationDefaults: {}, unusedKeys: [], tensors: new Map() },
  };
  const opened = await withDirectory({}, async (directory) => {
    writeFileSync(join(directory, "packed-model.json"), packedCard(model, IMAGE));
    return openModelConfig(directory);
  });
  expect(opened.config).toEqual(config);
});
