import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { HubCache } from "../../src/hub/cache.ts";
import { hubSettings } from "../../src/hub/environment.ts";
import { findInCache, findInLMStudio, findInOllama } from "../../src/hub/find-model.ts";
import { hubNameText, parseHubName } from "../../src/hub/model-name.ts";

let home: string;
const COMMIT = "89abcdef0123456789abcdef0123456789abcdef";

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "dynamo-home-"));
});
afterAll(() => rm(home, { recursive: true }));

async function write(path: string, text = "x"): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await writeFile(join(home, path), text);
}

function named(text: string) {
  const name = parseHubName(text);
  if (!name) throw new Error(`${text} is no name`);
  return name;
}

test("names are read and written", () => {
  for (const text of ["org/repo", "org/repo:Q4_K_M", "org/repo@v1.0", "org/repo@refs/pr/2:Q8_0"]) {
    expect(hubNameText(named(text))).toBe(text);
  }
  for (const text of [
    "hf://org/repo",
    "https://huggingface.co/org/repo/tree/main",
    "hf.co/org/repo",
  ]) {
    expect(hubNameText(named(text))).toBe("org/repo");
  }
  for (const text of [
    "repo",
    "./org/repo",
    "/org/repo",
    "a/b/c",
    "org/..",
    "../repo",
    "org/repo@../x",
  ]) {
    expect(parseHubName(text)).toBeUndefined();
  }
});

test("the folders are those that Hugging Face's tools use", () => {
  const of = (environment: Record<string, string>) =>
    hubSettings(environment, "/root").cacheDirectory;
  expect(of({})).toBe("/root/.cache/huggingface/hub");
  expect(of({ HOME: "/h" })).toBe("/h/.cache/huggingface/hub");
  expect(of({ XDG_CACHE_HOME: "/c" })).toBe("/c/huggingface/hub");
  expect(of({ HF_HOME: "/hf", XDG_CACHE_HOME: "/c" })).toBe("/hf/hub");
  expect(of({ HF_HUB_CACHE: "/hub", HF_HOME: "/hf" })).toBe("/hub");
});

test("a snapshot is found by its branch, tag or commit, if it is whole", async () => {
  const folder = "hub/models--org--repo";
  await write(`${folder}/refs/main`, COMMIT);
  const snapshot = `${folder}/snapshots/${COMMIT}`;
  await write(`${snapshot}/config.json`);
  await write(`${snapshot}/model-00001-of-00002.safetensors`);
  const parts = { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" };
  await write(`${snapshot}/model.safetensors.index.json`, JSON.stringify({ weight_map: parts }));
  const cache = new HubCache(join(home, "hub"));
  expect(await findInCache(cache, named("org/repo"))).toBeUndefined();
  await write(`${snapshot}/model-00002-of-00002.safetensors`);
  const found = { path: join(home, snapshot), keeper: "Hugging Face" } as const;
  expect(await findInCache(cache, named("org/repo"))).toEqual(found);
  expect(await findInCache(cache, named(`org/repo@${COMMIT}`))).toEqual(found);
  expect(await findInCache(cache, named("org/repo@other"))).toBeUndefined();
  expect(await findInCache(cache, named("org/repo:Q8_0"))).toBeUndefined();
});

test("LM Studio's and ollama's models are found", async () => {
  await write("lm/org/repo-GGUF/model-Q4_K_M.gguf");
  await write("lm/org/repo-GGUF/mmproj-F16.gguf");
  expect(await findInLMStudio([join(home, "lm")], named("org/repo-GGUF"))).toEqual({
    path: join(home, "lm/org/repo-GGUF/model-Q4_K_M.gguf"),
    keeper: "LM Studio",
  });
  const digest = `sha256:${"ab".repeat(32)}`;
  const layers = [
    { mediaType: "application/vnd.ollama.image.template", digest: `sha256:${"cd".repeat(32)}` },
    { mediaType: "application/vnd.ollama.image.model", digest },
  ];
  await write("ollama/manifests/registry.ollama.ai/library/qwen3/0.6b", JSON.stringify({ layers }));
  expect(await findInOllama(join(home, "ollama"), "qwen3:0.6b")).toEqual({
    path: join(home, "ollama/blobs", digest.replace(":", "-")),
    keeper: "ollama",
  });
  expect(await findInOllama(join(home, "ollama"), "qwen3")).toBeUndefined();
});
