// Course of a request to the workers, and what is told of a model's files.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../../src/base/clock.ts";
import { createLogger, type Logger } from "../../../src/base/log.ts";
import type { Send } from "../../../src/components/processor/choice-output.ts";
import { TextGenerator } from "../../../src/components/processor/text-generator.ts";
import { parseCompletionRequest } from "../../../src/openai/schema.ts";
import type { PreprocessedRequest } from "../../../src/protocol/llm.ts";
import { spawnSideThread } from "../../../src/worker-entries.ts";
import { tinyShape } from "../../model/model-shapes.ts";
import { writeRandomDirectory } from "../../model/random-directory.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-text-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function open(
  model: string,
  log: Logger,
  more: { readonly clampMaxTokens?: boolean } = {},
): Promise<TextGenerator> {
  const context = { sideThread: spawnSideThread, clock: systemClock };
  const options = { renderTimeoutMs: 250, allowSpecialTokens: false, numShared: 512, ...more };
  return TextGenerator.open({ model, context, log, ...options });
}

async function openMock(): Promise<TextGenerator> {
  const generator = await open("mock", createLogger("test", "error"));
  generator.maxModelLen = 1000;
  return generator;
}

/** The most tokens that a worker is told, for a prompt of 10 in a context of 1000. */
async function maxTokensOf(fields: object, more: { readonly clampMaxTokens?: boolean }) {
  const generator = await open("mock", createLogger("test", "error"), more);
  generator.maxModelLen = 1000;
  const body = { model: "mock", prompt: "0123456789", ...fields };
  const told: number[] = [];
  async function* send({ stop }: PreprocessedRequest) {
    told.push(stop.maxTokens);
    yield { tokenIds: [65], numCachedTokens: 0, finishReason: "stop" as const };
  }
  const { request } = parseCompletionRequest(body, 1);
  for await (const _ of generator.complete(request, { send, left: new Promise(() => {}) }));
  return told;
}

describe("max_tokens above the context's room", () => {
  test("is refused, and lowered to the room where the key says so", async () => {
    const refused = maxTokensOf({ max_tokens: 32_000 }, {});
    await expect(refused).rejects.toMatchObject({ code: "context_length_exceeded" });
    expect(await maxTokensOf({ max_tokens: 32_000 }, { clampMaxTokens: true })).toEqual([990]);
    expect(await maxTokensOf({ max_tokens: 20 }, { clampMaxTokens: true })).toEqual([20]);
  });

  test("is refused all the same where the prompt or min_tokens alone need more", async () => {
    const clamped = { clampMaxTokens: true };
    for (const fields of [
      { prompt: "x".repeat(1000), max_tokens: 5 },
      { max_tokens: 32_000, min_tokens: 995 },
    ]) {
      const refused = maxTokensOf(fields, clamped);
      await expect(refused).rejects.toMatchObject({ code: "context_length_exceeded" });
    }
  });
});

/** Requests that workers get, one for each prompt of a text completion, in a context of 1000. */
async function sentFor(fields: object): Promise<readonly PreprocessedRequest[]> {
  const generator = await openMock();
  const sent: PreprocessedRequest[] = [];
  async function* send(request: PreprocessedRequest) {
    sent.push(request);
    yield { tokenIds: [65], numCachedTokens: 0, finishReason: "stop" as const };
  }
  const { request } = parseCompletionRequest({ model: "mock", ...fields }, 1);
  for await (const _ of generator.complete(request, { send, left: new Promise(() => {}) }));
  return sent;
}

describe("a prompt that is truncated", () => {
  const LONG = "0123456789".repeat(300);
  const lengthOf = async (fields: object) => (await sentFor(fields))[0]?.tokenIds.length;

  test("keeps its end, or its beginning if the client says so, ids as texts", async () => {
    const [left] = await sentFor({ prompt: "abcdef", truncate_prompt_tokens: 2 });
    const right = { truncate_prompt_tokens: 2, truncation_side: "right" };
    const both = await sentFor({ prompt: [[1, 2, 3], [4], [5, 6, 7, 8]], ...right });
    const [whole] = await sentFor({ prompt: "abcdef" });
    expect(left?.tokenIds).toEqual(whole?.tokenIds.slice(-2) ?? new Int32Array());
    expect(both.map(({ tokenIds }) => [...tokenIds])).toEqual([[1, 2], [4], [5, 6]]);
  });

  test("may be longer than the context, and -1 leaves room for the output", async () => {
    expect(await lengthOf({ prompt: LONG, truncate_prompt_tokens: 100 })).toBe(100);
    expect(await lengthOf({ prompt: LONG, truncate_prompt_tokens: -1 })).toBe(999);
    const asked = { truncate_prompt_tokens: -1, max_tokens: 300 };
    expect(await lengthOf({ prompt: LONG, ...asked })).toBe(700);
    const tooLong = lengthOf({ prompt: LONG, truncate_prompt_tokens: 2000 });
    await expect(tooLong).rejects.toMatchObject({ code: "context_length_exceeded" });
    const whole = lengthOf({ prompt: LONG });
    await expect(whole).rejects.toMatchObject({ code: "context_length_exceeded" });
  });
});

test("a salt and a priority go to the worker; each salt and each owner is another", async () => {
  const [plain] = await sentFor({ prompt: "a" });
  expect(plain).not.toHaveProperty("cacheSalt");
  expect(plain).not.toHaveProperty("priority");
  const [mine] = await sentFor({ prompt: "a", cache_salt: "mine", priority: -2 });
  const [again] = await sentFor({ prompt: "b", cache_salt: "mine" });
  const [yours] = await sentFor({ prompt: "a", cache_salt: "yours" });
  expect(mine).toMatchObject({ priority: -2, cacheSalt: again?.cacheSalt });
  expect(yours?.cacheSalt).not.toBe(mine?.cacheSalt as bigint);
});

/** The seeds of a request's choices, by index. */
async function seedsOf(fields: object): Promise<readonly bigint[]> {
  const generator = await openMock();
  const { request } = parseCompletionRequest({ model: "mock", temperature: 1, ...fields }, 1);
  const seeds: bigint[] = [];
  async function* send({ sampling }: PreprocessedRequest) {
    seeds.push(sampling.seed);
    yield { tokenIds: [65], numCachedTokens: 0, finishReason: "stop" as const };
  }
  for await (const _ of generator.complete(request, { send, left: new Promise(() => {}) }));
  return seeds;
}

describe("the seed of a choice", () => {
  test("is the request's for the first of each prompt", async () => {
    expect(await seedsOf({ prompt: "a", seed: 7 })).toEqual([7n]);
    expect(await seedsOf({ prompt: ["a", "b", "c"], seed: 2n ** 64n - 1n })).toEqual(
      Array.from({ length: 3 }, () => 2n ** 64n - 1n),
    );
  });

  test("is a hash for the others, the same in every prompt and for every n", async () => {
    const [first, ...others] = await seedsOf({ prompt: "a", seed: 7, n: 5 });
    expect(first).toBe(7n);
    // XXH3-64 of the seed and the choice, as two little-endian words: texts of a seed stay what they are.
    expect(others.slice(0, 2)).toEqual([17331758776565137014n, 2634027135298203255n]);
    expect(await seedsOf({ prompt: ["a", "b"], seed: 7, n: 2 })).toEqual(
      [first, others[0], first, others[0]].map((seed) => seed as bigint),
    );
  });

  test("is of no other choice, and of no first choice of a seed nearby", async () => {
    const seeds = new Set<bigint>();
    for (let seed = 0; seed < 50; seed++) {
      for (const each of await seedsOf({ prompt: "a", seed, n: 20 })) seeds.add(each);
    }
    expect(seeds.size).toBe(50 * 20);
  });

  test("is another for each prompt of a request that names none", async () => {
    expect(new Set(await seedsOf({ prompt: ["a", "a", "a"], n: 2 })).size).toBe(6);
  });
});

describe("the places of a request's sequences", () => {
  // A tenant gets 170 of 512 places, so one request of 128 at a time.
  const fields = { model: "mock", prompt: ["a", "b"], n: 64, stream: true };
  const end = { tokenIds: [65], numCachedTokens: 0, finishReason: "stop" as const };

  async function* endless() {
    for (;;) {
      yield { tokenIds: [65], numCachedTokens: 0 };
      await Bun.sleep(0);
    }
  }

  async function* one() {
    yield end;
  }

  // biome-ignore lint/correctness/useYield: it fails before
  async function* failing() {
    throw new Error("no worker");
  }

  function ask(generator: TextGenerator, tenant: number, send: Send, more: object = {}) {
    const { request } = parseCompletionRequest({ ...fields, ...more }, tenant);
    return generator
      .complete(request, { send, left: new Promise(() => {}) })
      [Symbol.asyncIterator]();
  }

  const refused = expect.objectContaining({ code: "too_many_sequences" });

  test("are taken together; a second request is refused, and another tenant's is not", async () => {
    const generator = await openMock();
    const first = ask(generator, 1, endless);
    await first.next();
    expect(ask(generator, 1, one).next()).rejects.toEqual(refused);
    expect((await ask(generator, 2, one).next()).done).toBe(false);
    await first.return?.();
  });

  test("are free one by one, as its sequences end", async () => {
    const generator = await openMock();
    let numBegun = 0;
    const first = ask(generator, 1, () => (numBegun++ < 100 ? one() : endless()));
    for (let numEnded = 0; numEnded < 100; ) {
      const { value } = await first.next();
      if (value?.finishReason !== undefined) numEnded++;
    }
    await first.next();
    expect((await ask(generator, 1, one).next()).done).toBe(false);
    await first.return?.();
  });

  test.each([
    ["whole", one, {}],
    ["that fails", failing, {}],
    ["that overflows the context", one, { max_tokens: 1000 }],
  ] as const)("are free after an answer %s", async (_, send, more) => {
    const generator = await openMock();
    const first = ask(generator, 1, send, more);
    try {
      while (!(await first.next()).done);
    } catch {
      expect(send === failing || "max_tokens" in more).toBe(true);
    }
    const second = ask(generator, 1, one);
    expect((await second.next()).done).toBe(false);
  });

  test("are free when the client has left, in the middle or before the first token", async () => {
    const generator = await openMock();
    const middle = ask(generator, 1, endless);
    await middle.next();
    await middle.return?.();
    const early = ask(generator, 1, endless);
    const next = early.next();
    await early.return?.();
    await next;
    expect((await ask(generator, 1, one).next()).done).toBe(false);
  });
});

test("keys of a model's files that nothing uses are told in one line", async () => {
  const directory = join(scratch, "model");
  writeRandomDirectory(directory, { shape: tinyShape(), dtype: "F32" });
  const path = join(directory, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...config, frobnicate: 1 }));
  writeFileSync(join(directory, "generation_config.json"), JSON.stringify({ num_beams: 4 }));
  const lines: string[] = [];
  await open(
    directory,
    createLogger("test", "info", (line) => lines.push(line)),
  );
  const told = lines.filter((line) => line.includes("nothing here uses"));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("config.json: frobnicate, generation_config.json: num_beams");
});
