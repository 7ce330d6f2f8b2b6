import { expect, test } from "bun:test";

import { parseAddress } from "../../src/registry/address.ts";
import {
  instanceKey,
  instanceValue,
  parseInstanceKey,
  reachOf,
} from "../../src/registry/instance-key.ts";

const chat = {
  namespace: "dynamo",
  component: "Processor",
  endpoint: "chat/completions",
  instanceId: 0x1f,
};

test("an instance's key is Dynamo's, and its value says how it is reached", () => {
  expect(instanceKey(chat)).toBe("instances/dynamo/Processor/chat/completions:1f");
  expect(JSON.parse(instanceValue(chat, { thread: 7 }))).toEqual({
    component: "Processor",
    endpoint: "chat/completions",
    namespace: "dynamo",
    instance_id: "1f",
    transport: { thread: 7 },
  });
});

test("an instance's key is read back, slashes and all", () => {
  expect(parseInstanceKey(instanceKey(chat))).toEqual(chat);
  expect(reachOf(instanceValue(chat, { thread: 7 }))).toEqual({ thread: 7 });
  expect(() => parseInstanceKey("instances/dynamo/Processor:1f")).toThrow("no instance key");
  expect(() => parseInstanceKey("instances/dynamo/Processor/chat:ffffffffffffff")).toThrow();
});

test.each([
  "dynamo.Processor.chat/completions",
  "dyn://dynamo.Processor.chat/completions",
  " dyn://dynamo.Processor.chat/completions/ ",
  "Processor.chat/completions",
])("%p names the endpoint chat/completions", (text) => {
  expect(parseAddress(text, "dynamo")).toEqual({
    namespace: "dynamo",
    component: "Processor",
    endpoint: "chat/completions",
  });
});

test.each(["", "Processor", "a.b.c.d", "dyn://", "a..c"])("%p is no address", (text) => {
  expect(() => parseAddress(text, "dynamo")).toThrow("expected namespace.component.endpoint");
});
