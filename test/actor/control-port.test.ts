import { expect, test } from "bun:test";

import { ControlPort } from "../../src/actor/control-port.ts";
import { DynamoError } from "../../src/base/error.ts";
import { channelPair } from "./in-process-host.ts";
import { failure } from "./net.ts";

test("a request is answered by the handler of its kind, on either side", async () => {
  const { near, far } = ports();
  far.onRequest<number>("double", (value) => value * 2);
  near.onRequest<number>("half", async (value) => value / 2);
  expect(await near.request<number>("double", 21)).toBe(42);
  expect(await far.request<number>("half", 42)).toBe(21);
});

test("what a handler throws is the answer, with its code", async () => {
  const { near, far } = ports();
  far.onRequest("fail", () => {
    throw new QuotaError("too much");
  });
  far.onRequest("fail later", () => Promise.reject(new QuotaError("too much later")));
  expect(await failure(near.request("fail", 1))).toMatchObject({ code: "quota" });
  expect((await failure(near.request("fail later", 1))).message).toBe("too much later");
});

test("a request that nobody handles is refused by name", async () => {
  const { near } = ports();
  const error = await failure(near.request("unheard", undefined));
  expect(error.code).toBe("unknown_request");
  expect(error.message).toContain("unheard");
});

test("pushes arrive in order, and those that nobody handles are dropped", async () => {
  const { near, far } = ports();
  const seen: number[] = [];
  far.onPush<number>("count", (value) => seen.push(value));
  for (let i = 0; i < 10; i++) near.push("count", i);
  near.push("other", 1);
  far.onRequest("sync", () => undefined);
  await near.request("sync", undefined);
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("closing fails what is pending and what is asked later with actor_down and the reason", async () => {
  const { near, far } = ports();
  far.onRequest("wait", () => new Promise(() => {}));
  const pending = failure(near.request("wait", undefined));
  near.close("it failed: out of tea");
  expect(await pending).toMatchObject({ code: "actor_down", message: "it failed: out of tea" });
  expect((await failure(near.request("wait", undefined))).code).toBe("actor_down");
});

test("a kind has one handler", () => {
  const { far } = ports();
  far.onRequest("once", () => 1);
  expect(() => far.onRequest("once", () => 2)).toThrow("once");
});

function ports() {
  const [near, far] = channelPair();
  return { near: new ControlPort(near), far: new ControlPort(far) };
}

class QuotaError extends DynamoError {
  override readonly code = "quota";
}
