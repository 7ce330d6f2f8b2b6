import { describe, expect, test } from "bun:test";

import { formatInstanceId, InstanceIds, parseInstanceId } from "../../src/registry/instance-id.ts";

describe("instance ids", () => {
  test("of one process rise by one, and are safe integers up to the last node's last", () => {
    const ids = new InstanceIds(() => 2 ** 32 - 1);
    const first = ids.next();
    expect(first).toBe((2 ** 32 - 1) * 2 ** 21 + 1);
    expect(ids.next()).toBe(first + 1);
    expect(Number.isSafeInteger(first + (2 ** 21 - 2))).toBe(true);
    expect(first + (2 ** 21 - 2)).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("of two nodes are never the same, however many each gives", () => {
    const [one, two] = [new InstanceIds(() => 7), new InstanceIds(() => 8)];
    const ofOne = Array.from({ length: 100 }, () => one.next());
    const ofTwo = Array.from({ length: 100 }, () => two.next());
    expect(new Set([...ofOne, ...ofTwo]).size).toBe(200);
  });

  test("go on under another node number when one is used up", () => {
    const nodes = [1, 2];
    const ids = new InstanceIds(() => nodes.shift() ?? 3);
    let last = 0;
    for (let i = 0; i < 2 ** 21 - 1; i++) last = ids.next();
    expect(last).toBe(2 ** 22 - 1);
    expect(ids.next()).toBe(2 * 2 ** 21 + 1);
  });

  test("want a node number of 32 bits", () => {
    for (const node of [-1, 0.5, 2 ** 32, Number.NaN]) {
      expect(() => new InstanceIds(() => node).next()).toThrow("32 bits");
    }
  });

  test.each([1, 0x1f, 2 ** 32, Number.MAX_SAFE_INTEGER])("%p is read back from its text", (id) => {
    expect(parseInstanceId(formatInstanceId(id))).toBe(id);
  });

  test.each(["", "g", "1F", "-1", "0x1f", "20000000000000", "ffffffffffffff"])(
    "%p is none",
    (text) => {
      expect(parseInstanceId(text)).toBeUndefined();
    },
  );
});
