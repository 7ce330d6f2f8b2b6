// Seeds that a number cannot hold, wherever and however they stand in a body.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { parseJson } from "../../src/door/parse-json.ts";

const BIG = "18446744073709551615";

describe("a top-level seed", () => {
  test("keeps all its digits, whatever stands around it", () => {
    for (const text of [
      `{"seed":${BIG}}`,
      `{ "a" : "}\\"seed\\":1,\\\\" , "seed"\n:\t${BIG} }`,
      `{"x":[{"seed":36893488147419103231}],"seed":${BIG},"y":{"seed":18446744073709551614}}`,
      `{"s\\u0065ed":${BIG}}`,
      `{"seed":18446744073709551613,"seed":${BIG}}`,
      `{"a":"seed","seed":${BIG},"b":"\\"}]"}`,
    ]) {
      expect(parseJson(text)).toMatchObject({ seed: BigInt(BIG) });
    }
  });

  test("of more digits than 64 bits have stays a number, and costs no bigint", () => {
    const digits = "9".repeat(4_000_000);
    expect(parseJson(`{"seed":${digits}}`)).toEqual({ seed: Infinity });
    expect(parseJson(`{"seed":-${BIG}0}`)).toEqual({ seed: Number(`-${BIG}0`) });
  });

  test("is a number where it was not rounded, or is no integer", () => {
    for (const seed of [
      "7",
      "-1",
      "9007199254740991",
      "1e3",
      "0.5",
      "1e300",
      '"18446744073709551615"',
      "null",
    ]) {
      const text = `{"seed":${seed},"x":{"seed":${BIG}}}`;
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }
    // Fields before the last one do not count.
    expect(parseJson(`{"seed":${BIG},"seed":1e300}`)).toEqual({ seed: 1e300 });
  });

  test("equals what JSON.parse's reviver is told, in random bodies", () => {
    const seed = fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n });
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        seed,
        fc.nat(9),
        (fields, bits, at) => {
          const entries = Object.entries(fields).filter(([name]) => name !== "__proto__");
          const members = entries.map((entry) =>
            entry.map((part) => JSON.stringify(part)).join(":"),
          );
          members.splice(at % (members.length + 1), 0, `"seed":${bits}`);
          const others = members.slice(members.indexOf(`"seed":${bits}`) + 1);
          fc.pre(!others.some((member) => member.startsWith('"seed"')));
          expect(parseJson(`{${members.join(" , ")}}`)).toMatchObject({ seed: bits });
        },
      ),
    );
  });
});

test("what is no object, or no JSON, is as JSON.parse has it", () => {
  for (const text of ["[18446744073709551615]", "18446744073709551615", "null", '"seed"']) {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  }
  expect(() => parseJson(`{"seed":${BIG}`)).toThrow(SyntaxError);
});
