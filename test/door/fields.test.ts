import { describe, expect, test } from "bun:test";

import { ApiError } from "../../src/door/api-error.ts";
import { Fields } from "../../src/door/fields.ts";

function failureOf(read: () => unknown): unknown {
  try {
    read();
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, param: error.param };
    throw error;
  }
  return undefined;
}

describe("the fields of a body", () => {
  test("that were not asked for are named, once for all elements of a list", () => {
    const body = Fields.ofBody({ a: 1, list: [{ x: 1, y: 1 }, { y: 2 }, { y: null }], z: null });
    for (const each of body.list("list", 10)) {
      const fields = each.fields();
      fields.integer("x");
      fields.close();
    }
    body.close();
    expect(body.ignored()).toEqual(["list[].y", "a"]);
  });

  test("that are null are absent", () => {
    const body = Fields.ofBody({ a: null });
    expect(body.string("a")).toBeUndefined();
    expect(failureOf(() => body.required("a"))).toEqual({
      code: "missing_required_parameter",
      param: "a",
    });
  });

  test("that are wrong are named by their path", () => {
    const body = Fields.ofBody({ list: [{ a: [{ b: 7 }] }], n: 1.5, t: 3, w: "x", f: 0 });
    const inner = () => body.list("list", 1)[0]?.fields().list("a", 1)[0]?.fields().string("b");
    expect(failureOf(inner)).toEqual({ code: "invalid_type", param: "list[0].a[0].b" });
    expect(failureOf(() => body.integer("n"))).toMatchObject({ param: "n" });
    expect(failureOf(() => body.decimal("t", { max: 2 }))).toMatchObject({ param: "t" });
    expect(failureOf(() => body.oneOf("w", ["y"]))).toMatchObject({ param: "w" });
    expect(failureOf(() => body.flag("f"))).toMatchObject({ param: "f" });
    expect(failureOf(() => body.list("list", 0))).toMatchObject({ code: "invalid_value" });
    expect(failureOf(() => body.refuse("w", "y"))).toMatchObject({
      code: "unsupported_parameter",
    });
    expect(failureOf(() => body.refuse("w", "x"))).toBeUndefined();
  });

  test("that the language's own objects have are not those of a body", () => {
    const body = Fields.ofBody({});
    expect(body.at("constructor")).toBeUndefined();
    expect(body.at("toString")).toBeUndefined();
  });

  test("are not looked at where there are too many; names of unknown ones are bounded", () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, 1]));
    expect(failureOf(() => Fields.ofBody(many(257)))).toMatchObject({ code: "invalid_value" });
    const body = Fields.ofBody(many(256));
    body.close();
    expect(body.ignored()).toHaveLength(64);
  });

  test("are read of so many objects, and no more", () => {
    const list = (count: number) =>
      Fields.ofBody({ list: Array.from({ length: count }, () => ({})) });
    const read = (body: Fields) => body.list("list", Infinity).map((each) => each.fields());
    expect(read(list(65_535))).toHaveLength(65_535);
    expect(failureOf(() => read(list(65_536)))).toMatchObject({ code: "invalid_value" });
  });

  test("of a body that is no object: the body is wrong", () => {
    for (const body of [null, [], "x", 3])
      expect(failureOf(() => Fields.ofBody(body))).toMatchObject({ code: "invalid_type" });
  });
});
