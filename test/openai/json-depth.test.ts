import { describe, expect, test } from "bun:test";

import { isDeeperThan } from "../../src/openai/json-depth.ts";

describe("the depth of a JSON text", () => {
  test("counts lists and objects in each other, not beside each other", () => {
    expect(isDeeperThan(0, "1")).toBe(false);
    expect(isDeeperThan(1, "[[]]")).toBe(true);
    expect(isDeeperThan(2, '{"a":[],"b":[],"c":[{}]}')).toBe(true);
    expect(isDeeperThan(3, '{"a":[],"b":[],"c":[{}]}')).toBe(false);
    expect(isDeeperThan(64, "[".repeat(64) + "]".repeat(64))).toBe(false);
    expect(isDeeperThan(64, "[".repeat(65) + "]".repeat(65))).toBe(true);
  });

  test("looks into no string, whatever it escapes", () => {
    for (const text of ["[[[", '"[[[', '\\"[[[', "\\", '\\\\"[[[', "é[[["]) {
      expect(isDeeperThan(1, JSON.stringify([text, text]))).toBe(false);
    }
    expect(isDeeperThan(1, '["\\\\", [1]]')).toBe(true);
    expect(isDeeperThan(1, '["\\"", [1]]')).toBe(true);
  });

  test("ends on what is no JSON", () => {
    for (const text of ["", '"', '"\\', "]]]]", '["', "}{"]) {
      expect(isDeeperThan(1, text)).toBe(false);
    }
  });

  test("takes linear time for quotes and backslashes without end", () => {
    expect(isDeeperThan(1, `["${"\\".repeat(4_000_001)}`)).toBe(false);
    expect(isDeeperThan(1, '\\"'.repeat(2_000_000))).toBe(false);
  });
});
