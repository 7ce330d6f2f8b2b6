import { describe, expect, test } from "bun:test";

import { excessOf, MAX_COMMAS, MAX_DEPTH, MAX_PARTS } from "../../src/door/json-size.ts";

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const list = (members: string[]) => `[${members.join(",")}]`;
const times = <T>(count: number, one: T): T[] => new Array(count).fill(one);

describe("the depth of a JSON text", () => {
  test("counts lists and objects in each other, not beside each other", () => {
    expect(excessOf("1")).toBeUndefined();
    expect(excessOf(nested(MAX_DEPTH))).toBeUndefined();
    expect(excessOf(nested(MAX_DEPTH + 1))).toBe("depth");
    expect(excessOf('{"a":'.repeat(MAX_DEPTH + 1))).toBe("depth");
    expect(excessOf(list(times(100, nested(MAX_DEPTH - 1))))).toBeUndefined();
  });

  test("looks into no string, whatever it escapes", () => {
    const deep = "[".repeat(MAX_DEPTH + 1);
    for (const text of [deep, `"${deep}`, `\\"${deep}`, "\\", `\\\\"${deep}`, `é${deep}`]) {
      expect(excessOf(JSON.stringify([text, text]))).toBeUndefined();
    }
    expect(excessOf(`["\\\\", ${deep}`)).toBe("depth");
    expect(excessOf(`["\\"", ${deep}`)).toBe("depth");
    expect(excessOf(`["\\"\\\\", ${deep}`)).toBe("depth");
  });
});

describe("the values of a JSON text", () => {
  test("are lists, objects, keys and strings", () => {
    const halfKeys = times((MAX_PARTS - 2) / 2, '"a":"b"').join(",");
    expect(excessOf(list(times(MAX_PARTS - 1, "{}")))).toBeUndefined();
    expect(excessOf(list(times(MAX_PARTS, "[]")))).toBe("values");
    expect(excessOf(list(times(MAX_PARTS, '"a"')))).toBe("values");
    expect(excessOf(`{${halfKeys}}`)).toBeUndefined();
    expect(excessOf(`[{${halfKeys},"c":1}]`)).toBe("values");
  });

  test("may be as many numbers as there are commas", () => {
    expect(excessOf(list(times(MAX_COMMAS + 1, "1")))).toBeUndefined();
    expect(excessOf(list(times(MAX_COMMAS + 2, "1")))).toBe("values");
  });

  test("are not looked for in strings", () => {
    expect(excessOf(JSON.stringify('{[,"'.repeat(1_000_000)))).toBeUndefined();
  });
});

describe("a text that is no JSON", () => {
  test("comes to an end", () => {
    for (const text of ["", '"', '"\\', '"\\"', "]]]]", '["', "}{"]) {
      expect(excessOf(text)).toBeUndefined();
    }
  });

  test("takes linear time for quotes and backslashes without end", () => {
    expect(excessOf(`["${"\\".repeat(4_000_001)}`)).toBeUndefined();
    expect(excessOf('\\"'.repeat(2_000_000))).toBeUndefined();
    expect(excessOf(`["${'\\"'.repeat(2_000_000)}`)).toBeUndefined();
  });
});
