import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { ModelError } from "../../src/model/model-files.ts";
import {
  parseSafetensorsHeader,
  readSafetensorsHeader,
} from "../../src/model/safetensors-header.ts";
import { withDirectory } from "./model-directory.ts";
import { fileOf, type HeaderEntry, safetensorsFile, zeros } from "./safetensors-writer.ts";

const GOOD = { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] };

/** Parses a file whose header is `header` and that has `numDataBytes` after it. */
function parse(header: string, numDataBytes: number) {
  const bytes = new TextEncoder().encode(header);
  return parseSafetensorsHeader("f", bytes, 8 + bytes.length + numDataBytes);
}

function parseEntries(entries: Readonly<Record<string, unknown>>, numDataBytes = 24) {
  return parse(JSON.stringify(entries), numDataBytes);
}

async function readFrom(bytes: Uint8Array) {
  return withDirectory({ f: bytes }, (directory) => readSafetensorsHeader(`${directory}/f`));
}

describe("a safetensors header", () => {
  test("gives each tensor's place in the file", async () => {
    const file = safetensorsFile({ a: zeros("F32", [2, 3]), b: zeros("BF16", []) });
    const [a, b] = await readFrom(file);
    const dataStart = file.length - 26;
    expect(a).toMatchObject({ name: "a", dtype: "F32", shape: [2, 3], offset: dataStart });
    expect(b).toMatchObject({ name: "b", shape: [], offset: dataStart + 24, numBytes: 2 });
  });

  test("may have metadata, padding, empty tensors, any order, and no tensor at all", () => {
    expect(parse("{}", 0)).toEqual([]);
    const header = JSON.stringify({
      __metadata__: { format: "pt" },
      b: { dtype: "F16", shape: [4], data_offsets: [24, 32] },
      empty: { dtype: "I64", shape: [0, 7], data_offsets: [24, 24] },
      a: GOOD,
    });
    expect(parse(`${header}    `, 32).map(({ name }) => name)).toEqual(["b", "empty", "a"]);
  });

  test.each([
    [
      "a hole",
      { a: GOOD, b: { dtype: "U8", shape: [1], data_offsets: [25, 26] } },
      26,
      "leaves a gap",
    ],
    [
      "an overlap",
      { a: GOOD, b: { dtype: "U8", shape: [8], data_offsets: [20, 28] } },
      28,
      "overlaps",
    ],
    ["a tensor beyond the end", { a: GOOD }, 23, "is cut short"],
    ["bytes of no tensor", { a: GOOD }, 25, "belong to none"],
    ["an unknown dtype", { a: { ...GOOD, dtype: "F33" } }, 24, "does not define"],
    ["no dtype", { a: { shape: [6], data_offsets: [0, 24] } }, 24, "the dtype nothing"],
    ["a negative size", { a: { ...GOOD, shape: [-2, -3] } }, 24, "the shape [-2, -3]"],
    ["a fraction", { a: { ...GOOD, shape: [1.5, 4] } }, 24, "the shape [1.5, 4]"],
    ["a shape that is none", { a: { ...GOOD, shape: 6 } }, 24, "the shape 6"],
    [
      "a shape for other bytes",
      { a: { ...GOOD, shape: [2, 2] } },
      24,
      "24 bytes; its shape [2, 2]",
    ],
    ["an overflowing shape", { a: { ...GOOD, shape: [2 ** 40, 2 ** 40] } }, 24, "its shape"],
    ["turned offsets", { a: { ...GOOD, data_offsets: [24, 0] } }, 24, "-24 bytes"],
    ["negative offsets", { a: { ...GOOD, data_offsets: [-24, 0] } }, 24, "data_offsets [-24, 0]"],
    [
      "three offsets",
      { a: { ...GOOD, data_offsets: [0, 24, 24] } },
      24,
      "data_offsets [0, 24, 24]",
    ],
    ["an entry that is no object", { a: [1] }, 24, "not an object"],
    ["metadata that is no text", { __metadata__: { a: 1 }, a: GOOD }, 24, "__metadata__"],
  ])("with %s is refused", (_, entries, numDataBytes, message) => {
    expect(() => parseEntries(entries, numDataBytes)).toThrow(ModelError);
    expect(() => parseEntries(entries, numDataBytes)).toThrow(message);
  });

  test("with a tensor listed twice is refused, however the name is spelled", () => {
    const entry = JSON.stringify(GOOD);
    expect(() => parse(`{"a":${entry},"a":${entry}}`, 24)).toThrow('"a" is listed twice');
    expect(() => parse(`{"a":${entry},"\\u0061" :${entry}}`, 24)).toThrow('"a" is listed twice');
  });

  test("that is not a JSON object is refused, however deep it goes", () => {
    const headers = ["", "[]", "null", "{", '{"a":', '"a"', "\ufeff{}", "[".repeat(1_000_000)];
    for (const header of headers) expect(() => parse(header, 0)).toThrow(ModelError);
  });
});

describe("a safetensors file", () => {
  const file = safetensorsFile({ a: zeros("F32", [2, 3]), b: zeros("F16", [5]) });

  test("cut short anywhere is an error", async () => {
    for (let length = 0; length < file.length; length++) {
      await expect(readFrom(file.slice(0, length))).rejects.toThrow("is cut short");
    }
  });

  test("with an absurd header length is refused without reading it", async () => {
    const absurd = fileOf("{}", new Uint8Array());
    new DataView(absurd.buffer, absurd.byteOffset).setBigUint64(0, 2n ** 63n, true);
    await expect(readFrom(absurd)).rejects.toThrow("this is no safetensors file");
  });

  test("that is a directory or a device is refused", async () => {
    await expect(readSafetensorsHeader("/dev/zero")).rejects.toThrow("is not a regular file");
    await expect(readSafetensorsHeader("/")).rejects.toThrow("is not a regular file");
  });
});

describe("whatever the bytes are", () => {
  const file = safetensorsFile({ a: zeros("F32", [2, 3]), "b.c": zeros("F16", [5]) });
  const header = file.slice(8, file.length - 34);

  /** Accepts a header only if all its tensors lie in the file. */
  function check(bytes: Uint8Array, fileSize: number): void {
    try {
      for (const { offset, numBytes } of parseSafetensorsHeader("f", bytes, fileSize)) {
        expect(offset).toBeGreaterThanOrEqual(8 + bytes.length);
        expect(offset + numBytes).toBeLessThanOrEqual(fileSize);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(ModelError);
    }
  }

  test("changed bytes give tensors inside the file or a ModelError", async () => {
    const change = fc.tuple(fc.nat(header.length - 1), fc.nat(255));
    await fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = header.slice();
        for (const [index, value] of changes) bytes[index] = value;
        check(bytes, file.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("changed values give tensors inside the file or a ModelError", async () => {
    const number = fc.oneof(
      fc.integer({ min: -2, max: 40 }),
      fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, 1e308, 0.5),
    );
    const anything = fc.oneof(number, fc.array(number), fc.jsonValue({ maxDepth: 3 }));
    const entry = fc.record<HeaderEntry>({
      dtype: fc.oneof(fc.constantFrom("F32", "BF16", "F4", "BOOL"), anything),
      shape: fc.oneof(fc.array(number, { maxLength: 4 }), anything),
      data_offsets: fc.oneof(fc.tuple(number, number), anything),
    });
    await fc.assert(
      fc.property(fc.dictionary(fc.string(), entry), fc.nat(100), (entries, numDataBytes) => {
        const bytes = new TextEncoder().encode(JSON.stringify(entries));
        check(bytes, 8 + bytes.length + numDataBytes);
      }),
      { numRuns: 2000 },
    );
  });

  test("random files give a ModelError and no hang", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        const outcome = await readFrom(bytes).catch((error: unknown) => error);
        if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(ModelError);
      }),
      { numRuns: 100 },
    );
  });
});
