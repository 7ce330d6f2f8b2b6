import { expect, test } from "bun:test";

import { parseAddress } from "../../src/registry/address.ts";
import { instanceKey, instanceValue, parseInstanceKey } from "../../src/registry/instance-key.ts";

const chat = {
  namespace: "dynamo",
  component: "Processor",
  endpoint: "chat/completions",
  instanceId: 0x1f,
};

test("an instance's key is Dynamo's", () => {
  expect(instanceKey(chat)).toBe("instances/dynamo/Processor/chat/completions:1f");
  expect(JSON.parse(instanceValue(chat))).toEqual({
    component: "Processor",
    endpoint: "chat/completions",
    namespace: "dynamo",
    instance_id: 31,
  });
});

test("an instance's key is read back, slashes and all", () => {
  expect(parseInstanceKey(instanceKey(chat))).toEqual(chat);
  expect(() => parseInstanceKey("instances/dynamo/Processor:1f")).toThrow("no instance key");
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
