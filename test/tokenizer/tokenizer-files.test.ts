// Files that stand in the place of a tokenizer's and are none.

import { expect, test } from "bun:test";
import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

import { openTokenizer } from "../../src/tokenizer/open-tokenizer.ts";
import { withDirectory } from "../model/model-directory.ts";
import { tinyShape } from "../model/model-shapes.ts";
import { writeRandomDirectory } from "../model/random-directory.ts";

test.each([
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
])("a pipe, a device or a folder in the place of %s is named, and not read", async (name) => {
  const makers = [
    (path: string) => void Bun.spawnSync(["mkfifo", path]),
    (path: string) => symlink("/dev/zero", path),
    (path: string) => mkdir(path),
  ];
  for (const make of makers) {
    await withDirectory({}, async (directory) => {
      writeRandomDirectory(directory, { shape: tinyShape(), dtype: "F32" });
      await rm(join(directory, name), { force: true });
      await make(join(directory, name));
      await expect(openTokenizer(directory)).rejects.toThrow(`${name} is not a regular file`);
    });
  }
});
