// A model by its name: fetched from a hub on the loopback at the first start, found without it at the next.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FakeHub } from "../hub/fake-hub.ts";
import { root, startServer } from "./server.ts";

let hub: FakeHub;
let home: string;

beforeAll(async () => {
  hub = await FakeHub.open();
  home = await mkdtemp(join(tmpdir(), "dynamo-hub-home-"));
  const names = [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ];
  const files = names.map(
    (name) => [name, readFileSync(join(root, "models/built-in", name))] as const,
  );
  hub.repos.set("made/small-talk", { files: Object.fromEntries(files) });
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

async function ask(model: string, more: readonly string[] = []) {
  const env = { HOME: home, HF_ENDPOINT: hub.url, XDG_CACHE_HOME: "", HF_HOME: "" };
  const server = await startServer({ args: ["--model", model, ...more], env, cwd: tmpdir() });
  try {
    const models = (await (await fetch(`${server.url}/v1/models`)).json()) as {
      data: { id: string }[];
    };
    const { choices } = await server.complete({ model, prompt: "Hello", max_tokens: 3 });
    return { ids: models.data.map(({ id }) => id), numChoices: choices.length };
  } finally {
    await server.stop();
  }
}

test("a repository is fetched, served by its name, and found again without the hub", async () => {
  const model = "made/small-talk";
  expect(await ask(model)).toEqual({ ids: [model], numChoices: 1 });
  const before = hub.tokens.length;
  expect(await ask(model, ["--offline"])).toEqual({ ids: [model], numChoices: 1 });
  expect(hub.tokens).toHaveLength(before);
});
