import { describe, expect, test } from "bun:test";

import { systemClock } from "../../../src/base/clock.ts";
import { errorCode } from "../../../src/base/error.ts";
import { JsonThread } from "../../../src/components/frontend/json-thread.ts";
import { ApiError } from "../../../src/door/api-error.ts";
import { spawnSideThread } from "../../../src/worker-entries.ts";
import { ManualClock } from "../../manual-clock.ts";
import { fakeSideThreads } from "../processor/fake-side-thread.ts";

const clientOf = (tenant: number, signal = new AbortController().signal) => ({ tenant, signal });
const ME = clientOf(1);
const LONG = "a".repeat(300_000);

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const long = (mark: string) => bytesOf({ mark, text: LONG });

/** The mark in the beginning of each body that a thread was given. */
const marks = (posted: readonly unknown[]) =>
  posted.map((bytes) => /"mark":"(\w+)"/.exec(Buffer.from(bytes as Uint8Array).toString())?.[1]);

function withFakes() {
  const fakes = fakeSideThreads();
  const clock = new ManualClock();
  return { ...fakes, clock, json: new JsonThread({ sideThread: fakes.sideThread, clock }) };
}

describe("on a real thread", () => {
  const parse = (bytes: Buffer) =>
    new JsonThread({ sideThread: spawnSideThread, clock: systemClock }).parse(bytes, ME);

  test("a large body is what JSON says", async () => {
    const value = { texts: [LONG, "é日\n".repeat(100_000)], ids: [[1, 2], [3]], seed: 7, no: null };
    expect(await parse(bytesOf(value))).toEqual(value);
    const seed = Buffer.from(`{"text":"${LONG}","seed":18446744073709551615}`);
    expect(await parse(seed)).toEqual({ text: LONG, seed: 2n ** 64n - 1n });
  });

  test.each([
    ["invalid_json", `{"text":"${LONG}"`],
    ["json_too_deep", `${"[".repeat(70)}"${LONG}"${"]".repeat(70)}`],
    ["json_too_many_values", JSON.stringify(Array(140_000).fill([]))],
  ])("a large body that is refused: %s", async (code, text) => {
    const error = await Promise.resolve(parse(Buffer.from(text))).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code, status: 400 });
  });
});

test("a small body needs no thread", () => {
  const { json, threads } = withFakes();
  expect(json.parse(bytesOf({ a: 1 }), ME)).toEqual({ a: 1 });
  expect(() => json.parse(Buffer.from("{"), ME)).toThrow(ApiError);
  expect(threads).toHaveLength(0);
});

test("bodies are parsed one after the other, and tenants take turns", async () => {
  const { json, threads } = withFakes();
  const order = ["one", "two", "three", "four"];
  const [one, two, three, four] = order.map((mark, index) =>
    json.parse(long(mark), clientOf(index === 3 ? 2 : 1)),
  );
  const [thread] = threads;
  expect(marks(thread?.posted ?? [])).toEqual(["one"]);
  for (let count = 0; count < 4; count++) thread?.say({ type: "parsed", value: count, raw: [] });
  expect(await Promise.all([one, two, four, three])).toEqual([0, 1, 2, 3]);
  expect(marks(thread?.posted ?? [])).toEqual(["one", "two", "four", "three"]);
});

test("bytes beside a body, as of the connection's next request, stay where they are", () => {
  const { json, threads } = withFakes();
  const body = long("one");
  const arrived = Buffer.concat([body, Buffer.from("GET / HTTP/1.1")]);
  void json.parse(arrived.subarray(0, body.length), ME);
  expect(threads[0]?.posted[0]).toEqual(new Uint8Array(body));
  expect(arrived.toString("latin1", body.length)).toBe("GET / HTTP/1.1");
  expect(threads[0]?.posted[0]).not.toHaveProperty("buffer", arrived.buffer);
});

test("a client that leaves waits no longer, and costs the thread nothing", async () => {
  const { json, threads } = withFakes();
  const controller = new AbortController();
  const first = json.parse(long("one"), ME);
  const left = json.parse(long("two"), clientOf(2, controller.signal)) as Promise<unknown>;
  const third = json.parse(long("three"), clientOf(3));
  controller.abort(new Error("gone"));
  expect(left).rejects.toThrow("gone");
  threads[0]?.say({ type: "parsed", value: 1, raw: [] });
  threads[0]?.say({ type: "parsed", value: 3, raw: [] });
  expect(await Promise.all([first, third])).toEqual([1, 3]);
  expect(marks(threads[0]?.posted ?? [])).toEqual(["one", "three"]);
});

test("a thread that dies fails the body that it worked on, and no other", async () => {
  const { json, threads } = withFakes();
  const first = json.parse(long("one"), ME) as Promise<unknown>;
  const second = json.parse(long("two"), ME);
  threads[0]?.crash("out of memory");
  expect(errorCode(await first.catch((error: unknown) => error))).toBe("json_failed");
  expect(marks(threads[1]?.posted ?? [])).toEqual(["two"]);
  threads[1]?.say({ type: "parsed", value: 2, raw: [] });
  expect(await second).toBe(2);
});

test("a thread without work ends after a while, and the next body has another", async () => {
  const { json, threads, clock } = withFakes();
  const first = json.parse(long("one"), ME);
  await clock.advance(60_000);
  expect(threads[0]?.isTerminated).toBe(false);
  threads[0]?.say({ type: "parsed", value: 1, raw: [] });
  expect(await first).toBe(1);
  await clock.advance(9_999);
  expect(threads[0]?.isTerminated).toBe(false);
  await clock.advance(1);
  expect(threads[0]?.isTerminated).toBe(true);
  void json.parse(long("two"), ME);
  expect(threads).toHaveLength(2);
});
