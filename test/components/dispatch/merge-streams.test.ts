import { expect, test } from "bun:test";

import { mergeStreams } from "../../../src/components/dispatch/merge-streams.ts";

async function* count(name: string, to: number, log: string[] = []): AsyncGenerator<string> {
  try {
    for (let i = 0; i < to; i++) yield `${name}${i}`;
  } finally {
    log.push(`${name} left`);
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test("streams that are ready take turns, and each ends by itself", async () => {
  const merged = await all(mergeStreams([count("a", 3), count("b", 1), count("c", 2)]));
  expect(merged).toEqual(["a0", "b0", "c0", "a1", "c1", "a2"]);
  expect(await all(mergeStreams([]))).toEqual([]);
});

test("a stream that waits holds up no other", async () => {
  const gate = Promise.withResolvers<void>();
  async function* slow() {
    await gate.promise;
    yield "slow";
  }
  const merged = mergeStreams<string>([slow(), count("a", 2)]);
  expect((await merged.next()).value).toBe("a0");
  expect((await merged.next()).value).toBe("a1");
  gate.resolve();
  expect(await all(merged)).toEqual(["slow"]);
});

test("leaving the loop leaves every stream, one item ahead of what was read", async () => {
  const log: string[] = [];
  const merged = mergeStreams([count("a", 9, log), count("b", 9, log)]);
  for await (const item of merged) if (item === "b0") break;
  expect(log.toSorted()).toEqual(["a left", "b left"]);
});

test("what one throws is the failure of all", async () => {
  const log: string[] = [];
  async function* failing(): AsyncGenerator<string> {
    yield "f0";
    throw new Error("a bad stream");
  }
  const merged = mergeStreams([failing(), count("a", 9, log)]);
  await expect(all(merged)).rejects.toThrow("a bad stream");
  expect(log).toEqual(["a left"]);
});
