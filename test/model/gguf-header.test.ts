import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { parseGgufHeader, readGgufHeader } from "../../src/model/gguf-header.ts";
import { ModelError } from "../../src/model/model-files.ts";
import { SWITCH, TEXT, TEXTS, whole, wholes, within } from "../../src/model/value-schemas.ts";
import {
  ALIGNMENT,
  alignUp,
  F32,
  type GgufMetadata,
  ggmlType,
  ggufFile,
  ggufHeader,
  type HeaderOptions,
  type TensorEntry,
  tensorBytes,
} from "./gguf-writer.ts";
import { withDirectory } from "./model-directory.ts";

const METADATA: GgufMetadata = {
  "general.architecture": "llama",
  "llama.block_count": 2,
  "llama.rope.freq_base": new F32(10000),
  "general.size": 2n ** 40n,
  "tokenizer.ggml.add_bos_token": true,
  "tokenizer.ggml.tokens": ["<s>", "é", "\ufffd", ""],
  "tokenizer.ggml.scores": Float32Array.of(0, -1.5, -2, 0.25),
  "tokenizer.ggml.token_type": Int32Array.of(3, 1, 1, 1),
};

function tensor(name: string, dtype: string, shape: readonly number[]) {
  return { [name]: { dtype, shape, bytes: new Uint8Array(tensorBytes(dtype, shape)) } };
}

const FILE = ggufFile(METADATA, {
  ...tensor("a", "Q8_0", [3, 64]),
  ...tensor("b", "F32", [5]),
  ...tensor("c", "Q6_K", [2, 256]),
});

const parse = (file: Uint8Array) => parseGgufHeader("f", file, file.length);

/** Parses a header with one tensor's entry and `numDataBytes` after it. */
function parseEntry(entry: Partial<TensorEntry>, numDataBytes = 1000, metadata: GgufMetadata = {}) {
  const whole = { name: "a", shape: [2, 32], type: ggmlType("F32"), offset: 0, ...entry };
  return parseWith(ggufHeader(metadata, [whole]), numDataBytes);
}

function parseWith(header: Uint8Array, numDataBytes: number) {
  return parseGgufHeader("f", header, alignUp(header.length, ALIGNMENT) + numDataBytes);
}

describe("a GGUF header", () => {
  test("gives metadata of every kind", () => {
    const { metadata } = parse(FILE);
    expect(metadata.read("general.architecture", TEXT)).toBe("llama");
    expect(metadata.read("llama.block_count", whole({ min: 0, max: 9 }))).toBe(2);
    expect(metadata.read("llama.rope.freq_base", within({ min: 0, max: 1e9 }))).toBe(10000);
    expect(metadata.get("general.size")).toBe(2 ** 40);
    expect(metadata.read("tokenizer.ggml.add_bos_token", SWITCH)).toBe(true);
    expect(metadata.read("tokenizer.ggml.tokens", TEXTS)).toEqual(["<s>", "é", "\ufffd", ""]);
    expect(metadata.get("tokenizer.ggml.scores")).toEqual([0, -1.5, -2, 0.25]);
    expect(metadata.read("tokenizer.ggml.token_type", wholes({ min: 0, max: 6 }))).toEqual([
      3, 1, 1, 1,
    ]);
    expect(metadata.keys()).toEqual(Object.keys(METADATA));
  });

  test("gives each tensor's place in the file, blocks counted", () => {
    const { tensors } = parse(FILE);
    const dataStart = FILE.length - (alignUp(6 * 34, 32) + 32 + alignUp(420, 32));
    expect(tensors).toEqual([
      { name: "a", dtype: "Q8_0", shape: [3, 64], path: "f", offset: dataStart, numBytes: 204 },
      { name: "b", dtype: "F32", shape: [5], path: "f", offset: dataStart + 224, numBytes: 20 },
      {
        name: "c",
        dtype: "Q6_K",
        shape: [2, 256],
        path: "f",
        offset: dataStart + 256,
        numBytes: 420,
      },
    ]);
  });

  test("of version 2 reads like one of version 3", () => {
    expect(parseWith(ggufHeader(METADATA, [], { version: 2 }), 0).metadata.keys()).toHaveLength(8);
  });

  test("may ask for another alignment", () => {
    const tensors = { ...tensor("a", "F32", [1]), ...tensor("b", "F32", [1]) };
    const file = ggufFile({ "general.alignment": 256 }, tensors, 256);
    expect(parse(file).tensors.map(({ offset }) => offset)).toEqual([256, 512]);
    expect(parse(ggufFile({ "general.alignment": 1 }, tensors, 1)).tensors).toHaveLength(2);
  });

  test.each([
    ["another magic", Buffer.from("GGML\u0003\0\0\0"), "f is no GGUF file"],
    ["version 1", Buffer.from("GGUF\u0001\0\0\0"), "has version 1 of the GGUF format"],
    ["version 4", Buffer.from("GGUF\u0004\0\0\0"), "has version 4 of the GGUF format"],
    ["version 0", Buffer.from("GGUF\0\0\0\0"), "has version 0 of the GGUF format"],
    ["the other byte order", Buffer.from("GGUF\0\0\0\u0003"), "is a big-endian GGUF file"],
  ])("with %s is refused by name", (_, file, message) => {
    expect(() => parse(file)).toThrow(ModelError);
    expect(() => parse(file)).toThrow(message);
  });

  test.each<[string, HeaderOptions]>([
    ["4294967296 metadata keys", { numKeys: 2 ** 32 }],
    ["2 metadata keys", { numKeys: 2 }],
    ["18446744073709552000 metadata keys", { numKeys: 2n ** 64n - 1n }],
    ["9223372036854776000 tensors", { numTensors: 2n ** 63n }],
    ["2 tensors", { numTensors: 2 }],
  ])("that says it has %s, with no room for them, is refused", (what, counts) => {
    const header = ggufHeader({}, [], counts);
    const parseIt = () => parseGgufHeader("f", header, header.length + 15);
    expect(parseIt).toThrow(ModelError);
    expect(parseIt).toThrow(`says that it has ${what}`);
  });

  test("with a key twice is refused", () => {
    const two = ggufHeader({ ab: 1, ac: 2 }, []);
    two[two.lastIndexOf(0x63)] = 0x62;
    expect(() => parseWith(two, 0)).toThrow('metadata key "ab" is there twice');
  });

  test("keeps keys apart from JavaScript's own", () => {
    const { metadata } = parseWith(ggufHeader({ ["__proto__"]: 1, constructor: 2 }, []), 0);
    expect(metadata.get("__proto__")).toBe(1);
    expect(metadata.get("toString")).toBeUndefined();
  });

  test.each([
    ["a type that is none", { type: 4 }, "has the type number 4, which is not known"],
    ["a type from the future", { type: 1000 }, "type number 1000"],
    ["five dimensions", { shape: [1, 1, 1, 1, 1] }, "has 5 dimensions"],
    [
      "a row that is no whole blocks",
      { shape: [2, 31], type: 8 },
      "rows of 31; Q8_0 has blocks of 32",
    ],
    ["an overflowing shape", { shape: [2n ** 33n, 2n ** 33n] }, "larger than any file"],
    ["a size that wraps to 0", { shape: [2n ** 32n, 2n ** 32n, 1n] }, "larger than any file"],
    ["a negative size", { shape: [2n ** 64n - 1n] }, "larger than any file"],
    ["an offset before its turn", { offset: 32 }, "starts at byte 32 of the data, expected 0"],
    ["more bytes than there are", { shape: [251] }, "is cut short"],
  ])("with a tensor of %s is refused", (_, entry, message) => {
    expect(() => parseEntry(entry)).toThrow(ModelError);
    expect(() => parseEntry(entry)).toThrow(message);
  });

  test("with tensors that overlap, leave a gap, or share a name is refused", () => {
    const entries = (name: string, offset: number) => [
      { name: "a", shape: [16], type: 0, offset: 0 },
      { name, shape: [16], type: 0, offset },
    ];
    const parseTwo = (name: string, offset: number) =>
      parseWith(ggufHeader({}, entries(name, offset)), 1000);
    expect(parseTwo("b", 64).tensors).toHaveLength(2);
    expect(() => parseTwo("b", 32)).toThrow("starts at byte 32 of the data, expected 64");
    expect(() => parseTwo("b", 96)).toThrow("starts at byte 96 of the data, expected 64");
    expect(() => parseTwo("a", 64)).toThrow('tensor "a" is listed twice');
  });

  test("with an alignment that is no power of 2 is refused", () => {
    expect(() => parseEntry({}, 1000, { "general.alignment": 48 })).toThrow(
      "expected a power of 2",
    );
    expect(() => parseEntry({}, 1000, { "general.alignment": 0 })).toThrow(
      "general.alignment is 0",
    );
  });

  test("with lists of lists, unknown types or broken text is refused", () => {
    const withType = (type: number) => {
      const header = ggufHeader({ key: 7 }, []);
      header[header.length - 8] = type;
      return header;
    };
    expect(() => parseWith(withType(13), 0)).toThrow('"key" is of type 13');
    const list = ggufHeader({ key: Int32Array.of(1) }, []);
    list[list.length - 16] = 9;
    expect(() => parseWith(list, 0)).toThrow('"key" is a list of lists');
    const text = ggufHeader({ key: "é" }, []);
    text[text.length - 1] = 0x41;
    expect(() => parseWith(text, 0)).toThrow('"key" is not valid UTF-8');
    const texts = ggufHeader({ key: ["é"] }, []);
    texts[texts.length - 1] = 0x41;
    expect(() => parseWith(texts, 0).metadata.get("key")).toThrow('"key" is not valid UTF-8');
  });
});

describe("a GGUF file", () => {
  const read = (bytes: Uint8Array) =>
    withDirectory({ f: bytes }, (directory) => readGgufHeader(`${directory}/f`));

  test("cut short anywhere is an error", async () => {
    for (let length = 0; length < FILE.length - 30; length++) {
      await expect(read(FILE.subarray(0, length))).rejects.toThrow(ModelError);
    }
  });

  test("whose header is longer than the first read is read on", async () => {
    const tokens = Array.from({ length: 300_000 }, (_, index) => `token ${index} of a vocabulary`);
    const file = ggufFile({ tokens }, tensor("a", "F32", [1]));
    expect(file.length).toBeGreaterThan(8 * 2 ** 20);
    const { metadata, tensors } = await read(file);
    expect(metadata.read("tokens", TEXTS)?.at(-1)).toBe("token 299999 of a vocabulary");
    expect(tensors).toHaveLength(1);
  });

  test("that is missing, or a device, is refused", async () => {
    await expect(readGgufHeader("/no/such.gguf")).rejects.toThrow("is missing");
    await expect(readGgufHeader("/dev/zero")).rejects.toThrow("is not a regular file");
  });
});

describe("whatever the bytes are", () => {
  /** Accepts a header only if all its tensors lie in the file, and all its lists can be read. */
  function check(bytes: Uint8Array, fileSize: number): void {
    try {
      const { metadata, tensors } = parseGgufHeader("f", bytes, fileSize);
      for (const { offset, numBytes } of tensors) {
        expect(offset + numBytes).toBeLessThanOrEqual(fileSize);
      }
      for (const key of metadata.keys()) metadata.get(key);
    } catch (error) {
      expect(error).toBeInstanceOf(ModelError);
    }
  }

  const place = fc.nat(FILE.length - 1);
  const byte = fc.constantFrom(0, 1, 8, 9, 10, 0x7f, 0x80, 0xff);

  test("changed bytes give tensors inside the file or a ModelError", async () => {
    await fc.assert(
      fc.property(
        fc.array(fc.tuple(place, fc.oneof(byte, fc.nat(255))), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const bytes = FILE.slice();
          for (const [index, value] of changes) bytes[index] = value;
          check(bytes, bytes.length);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("changed numbers give tensors inside the file or a ModelError", async () => {
    const number = fc.oneof(
      fc.bigInt({ min: 0n, max: 300n }),
      fc.constantFrom(2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
    );
    await fc.assert(
      fc.property(fc.nat(FILE.length - 9), number, (index, value) => {
        const bytes = FILE.slice();
        new DataView(bytes.buffer).setBigUint64(index, value, true);
        check(bytes, bytes.length);
      }),
      { numRuns: 5000 },
    );
  });

  test("parts taken out or put in give tensors inside the file or a ModelError", async () => {
    await fc.assert(
      fc.property(place, fc.nat(40), fc.uint8Array({ maxLength: 40 }), (start, length, insert) => {
        const rest = FILE.subarray(start + length);
        const bytes = Buffer.concat([FILE.subarray(0, start), insert, rest]);
        check(bytes, bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("any entries give tensors inside the file or a ModelError", async () => {
    const size = fc.oneof(fc.nat(600), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    const entry = fc.record<TensorEntry>({
      name: fc.string({ maxLength: 3 }),
      shape: fc.array(size, { maxLength: 5 }),
      type: fc.nat(45),
      offset: fc.oneof(fc.constantFrom(0, 32, 64), fc.nat(2000)),
    });
    await fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), fc.nat(4000), (entries, numDataBytes) => {
        const header = ggufHeader({}, entries);
        check(header, header.length + numDataBytes);
      }),
      { numRuns: 3000 },
    );
  });
});
