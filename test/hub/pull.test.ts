import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { scanCacheDir } from "@huggingface/hub";

import { systemClock } from "../../src/base/clock.ts";
import { HubCache } from "../../src/hub/cache.ts";
import { HubClient } from "../../src/hub/hub-client.ts";
import { parseHubName } from "../../src/hub/model-name.ts";
import { pullModel } from "../../src/hub/pull.ts";
import { seededRandom } from "../seeded-random.ts";
import { COMMIT, FakeHub } from "./fake-hub.ts";

let hub: FakeHub;
let folder: string;

beforeEach(async () => {
  hub = await FakeHub.open();
  folder = await mkdtemp(join(tmpdir(), "dynamo-hub-"));
});

afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const random = seededRandom(7);
const bytes = (size: number) =>
  Buffer.from(Uint8Array.from({ length: size }, () => random() * 256));

const WEIGHTS = bytes(3_000_000);
const MODEL = {
  "config.json": Buffer.from('{"model_type":"llama"}'),
  "tokenizer.json": bytes(5000),
  "model.safetensors": WEIGHTS,
  "pytorch_model.bin": bytes(2000),
  "README.md": Buffer.from("# a model"),
  "onnx/model.onnx": bytes(2000),
};

/** Waits take no time: they are asked for by tests of faults. */
const quick = { ...systemClock, sleep: async () => {} };

function pull(
  text: string,
  {
    token,
    clock = quick,
    signal = new AbortController().signal,
  }: {
    token?: string;
    clock?: typeof systemClock;
    signal?: AbortSignal;
  } = {},
) {
  const name = parseHubName(text);
  if (!name) throw new Error(`${text} is no name`);
  const retries: { reason: string; waitMs: number }[] = [];
  const client = new HubClient({ endpoint: hub.url, token, signal, hasProxy: false });
  const cache = new HubCache(folder);
  const pulled = pullModel({
    ...{ name, client, cache, clock, signal },
    onProgress: () => {},
    onRetry: (reason, waitMs) => retries.push({ reason, waitMs }),
  });
  return { pulled, retries, cache };
}

describe("a repository of safetensors", () => {
  test("is in the cache as Hugging Face's tools have it, without pickles", async () => {
    hub.repos.set("org/model", { files: MODEL });
    const { path, numFiles } = await pull("org/model").pulled;
    expect(numFiles).toBe(3);
    expect(path).toBe(join(folder, "models--org--model/snapshots", COMMIT));
    expect(readdirSync(path).toSorted()).toEqual([
      "config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    expect(readFileSync(join(path, "model.safetensors")).equals(WEIGHTS)).toBe(true);
    expect(readFileSync(join(folder, "models--org--model/refs/main"), "utf8")).toBe(COMMIT);

    const { repos, warnings } = await scanCacheDir(folder);
    expect(warnings).toEqual([]);
    expect(repos).toHaveLength(1);
    expect(repos[0]?.id).toEqual({ name: "org/model", type: "model" });
    expect(repos[0]?.revisions[0]?.refs).toEqual(["main"]);
  });

  test("is not fetched again", async () => {
    hub.repos.set("org/model", { files: MODEL });
    await pull("org/model").pulled;
    const before = hub.numBytes;
    await pull("org/model").pulled;
    expect(hub.numBytes).toBe(before);
  });

  test("comes whole through 200 cuts, and few bytes come twice", async () => {
    hub.repos.set("org/model", { files: MODEL });
    let numCuts = 0;
    hub.faults.cutAfter = () => (numCuts++ < 200 ? Math.floor(random() * 30_000) : undefined);
    const { path, totalBytes } = await pull("org/model").pulled;
    expect(readFileSync(join(path, "model.safetensors")).equals(WEIGHTS)).toBe(true);
    expect(numCuts).toBeGreaterThan(200);
    expect(hub.numBytes / totalBytes).toBeLessThanOrEqual(1.05);
  });

  test("a content that is not what the hub says is never linked", async () => {
    hub.repos.set("org/model", { files: MODEL });
    hub.faults.flip = true;
    const { pulled } = pull("org/model");
    expect(pulled).rejects.toThrow("another content than the hub says");
    await pulled.catch(() => undefined);
    expect(existsSync(join(folder, "models--org--model/snapshots"))).toBe(false);
    expect(readdirSync(join(folder, "models--org--model/blobs"))).toEqual([]);
  });

  test("two pulls at once fetch it once", async () => {
    hub.repos.set("org/model", { files: MODEL });
    const [first, second] = await Promise.all([
      pull("org/model", { clock: systemClock }).pulled,
      pull("org/model", { clock: systemClock }).pulled,
    ]);
    expect(first).toEqual(second);
    expect(hub.numBytes).toBe(first.totalBytes);
  });

  test("a file whose name leads elsewhere spoils all of it", async () => {
    hub.repos.set("org/evil", { files: { ...MODEL, "../../evil.json": Buffer.from("{}") } });
    expect(pull("org/evil").pulled).rejects.toThrow("leads out of its folder");
  });

  test("an abort keeps what came", async () => {
    hub.repos.set("org/model", { files: MODEL });
    const abort = new AbortController();
    hub.faults.cutAfter = () => {
      abort.abort(new Error("interrupted"));
      return 10;
    };
    expect(pull("org/model", { signal: abort.signal }).pulled).rejects.toThrow("interrupted");
  });
});

describe("GGUF", () => {
  const files = {
    "model-Q8_0.gguf": bytes(3000),
    "model-Q4_K_M.gguf": bytes(2000),
    "big-BF16-00001-of-00002.gguf": bytes(2000),
    "big-BF16-00002-of-00002.gguf": bytes(2000),
    "mmproj-F16.gguf": bytes(1500),
    "imatrix.gguf": bytes(1500),
  };

  test("without a tag it is Q4_K_M", async () => {
    hub.repos.set("org/gguf", { files });
    const { path } = await pull("org/gguf").pulled;
    expect(path).toEndWith("/model-Q4_K_M.gguf");
    expect(readFileSync(realpathSync(path)).equals(files["model-Q4_K_M.gguf"])).toBe(true);
  });

  test("a tag chooses, split files come together", async () => {
    hub.repos.set("org/gguf", { files });
    const { path, numFiles } = await pull("org/gguf:bf16").pulled;
    expect(path).toEndWith("/big-BF16-00001-of-00002.gguf");
    expect(numFiles).toBe(2);
  });

  test("an unknown tag lists what there is", () => {
    hub.repos.set("org/gguf", { files });
    expect(pull("org/gguf:Q5_K").pulled).rejects.toThrow("There are: BF16, Q4_K_M, Q8_0");
  });
});

describe("refusals say what to do", () => {
  const cases = [
    [{ status: 403, code: "GatedRepo" }, undefined, "gated: ask for access"],
    [{ status: 401, code: "RepoNotFound" }, undefined, "there is no model org/m on"],
    [{ status: 401 }, "hf_old", "does not accept the token"],
    [{ status: 404, code: "RevisionNotFound" }, undefined, "no revision main"],
  ] as const;
  for (const [refusal, token, text] of cases) {
    test(text, () => {
      hub.repos.set("org/m", { files: {}, refusal });
      expect(pull("org/m", token === undefined ? {} : { token }).pulled).rejects.toThrow(text);
    });
  }

  test("pickles alone are refused by name", () => {
    hub.repos.set("org/old", {
      files: { "config.json": Buffer.from("{}"), "pytorch_model.bin": bytes(2000) },
    });
    expect(pull("org/old").pulled).rejects.toThrow("only pickled weights");
  });

  test("429 is waited for as the hub asks", async () => {
    hub.repos.set("org/model", { files: MODEL });
    hub.faults.tooMany = { times: 2, retryAfter: "3" };
    const { pulled, retries } = pull("org/model");
    await pulled;
    expect(retries.map(({ waitMs }) => waitMs)).toEqual([3000, 3000]);
  });

  test("the token goes to no other host", async () => {
    hub.repos.set("org/model", { files: MODEL });
    hub.faults.redirect = true;
    await pull("org/model", { token: "hf_secret" }).pulled;
    expect(hub.leaked).toEqual([]);
    expect(hub.tokens.every((token) => token === "Bearer hf_secret")).toBe(true);
  });
});
