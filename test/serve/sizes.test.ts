import { expect, test } from "bun:test";
import * as v from "valibot";

import { parseSize, withSize } from "../../src/serve/sizes.ts";

test("sizes count in thousands, and with an i in 1,024s", () => {
  for (const [text, size] of [
    ["32k", 32_000],
    ["32K", 32_000],
    ["32Ki", 32_768],
    ["32KiB", 32_768],
    ["2GB", 2_000_000_000],
    ["2 GB", 2_000_000_000],
    ["2g", 2_000_000_000],
    ["1.5GiB", 1_610_612_736],
    ["1.1GB", 1_100_000_000],
    ["4M", 4_000_000],
    ["1Ti", 1_099_511_627_776],
    ["1e9", 1_000_000_000],
    ["1.5E+9", 1_500_000_000],
    ["1e-3", 0.001],
    ["512B", 512],
  ] as const) {
    expect([text, parseSize(text)]).toEqual([text, size]);
  }
});

test("nothing else is a size", () => {
  for (const text of [
    "",
    "k",
    "32",
    "-1k",
    "32kk",
    "1e3k",
    "1e999",
    "1.5B",
    "0x10k",
    "32 Kibi",
    "auto",
    "1.k",
    "2GBit",
  ]) {
    expect([text, parseSize(text)]).toEqual([text, undefined]);
  }
});

test("a text is a size where the key wants a number, and a text where it wants one", () => {
  const count = v.pipe(v.number(), v.integer());
  for (const schema of [
    count,
    v.optional(count),
    v.optional(count, 5),
    v.pipe(v.optional(count), v.description("x")),
    v.nullable(count),
    v.union([v.literal("auto"), count]),
  ]) {
    expect(withSize(schema, "32k")).toBe(32_000);
    expect(withSize(schema, "auto")).toBe("auto");
  }
  for (const schema of [
    v.string(),
    v.optional(v.string()),
    v.union([v.string(), v.number()]),
    v.any(),
    v.boolean(),
  ]) {
    expect(withSize(schema, "32k")).toBe("32k");
  }
  expect(withSize(undefined, "32k")).toBe("32k");
});
