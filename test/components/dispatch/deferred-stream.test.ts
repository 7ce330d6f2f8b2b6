import { expect, test } from "bun:test";

import { deferredStream } from "../../../src/components/dispatch/deferred-stream.ts";

async function* numbers(log: string[]) {
  try {
    log.push("begun");
    yield 1;
    yield 2;
  } finally {
    log.push("ended");
  }
}

test("gives what the stream gives", async () => {
  const log: string[] = [];
  const items: number[] = [];
  for await (const item of deferredStream(async () => numbers(log))) items.push(item);
  expect(items).toEqual([1, 2]);
  expect(log).toEqual(["begun", "ended"]);
});

test("that is left ends the stream", async () => {
  const log: string[] = [];
  for await (const _ of deferredStream(async () => numbers(log))) break;
  expect(log).toEqual(["begun", "ended"]);
});

test("that is left while it opens is never begun, and is left at once", async () => {
  const log: string[] = [];
  const opening = Promise.withResolvers<ReturnType<typeof numbers>>();
  const stream = deferredStream(() => opening.promise);
  const next = stream.next();
  await stream.return?.();
  opening.resolve(numbers(log));
  expect(await next).toEqual({ done: true, value: undefined });
  expect(log).toEqual([]);
});

test("that cannot be opened rejects", async () => {
  const stream = deferredStream<number>(() => Promise.reject(new Error("no")));
  expect(await stream.next().catch((error: Error) => error.message)).toBe("no");
});
