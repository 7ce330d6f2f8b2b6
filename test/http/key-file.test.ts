import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { findKey, tenantOf } from "../../src/http/api-key.ts";
import { parseKeyFile, singleKey } from "../../src/http/key-file.ts";

const FILE = "conf/keys";
const A = "a-key-of-24-characters-1";
const B = "a-key-of-24-characters-2";

function namesIn(text: string) {
  return parseKeyFile(text, FILE).map(({ name, scope }) => `${name} ${scope}`);
}

describe("a file of keys", () => {
  test("has a name, a key and perhaps the word admin a line", () => {
    const text = `# clients\n\nalice ${A}\n  bob:\t${B}  admin # note\r\nc@d.e:sk-#1\n`;
    expect(namesIn(text)).toEqual(["alice client", "bob admin", "c@d.e client"]);
    const keys = parseKeyFile(text, FILE);
    expect(findKey(keys, A)?.name).toBe("alice");
    expect(findKey(keys, B)?.name).toBe("bob");
    expect(findKey(keys, "sk-#1")?.name).toBe("c@d.e");
    expect(findKey(keys, "sk-")).toBeUndefined();
  });

  test("may begin with a byte order mark and need not end with a newline", () => {
    expect(namesIn(`\uFEFFalice ${A}`)).toEqual(["alice client"]);
  });

  test("may have several keys of one name, which are one tenant", () => {
    const [old, next, other] = parseKeyFile(`alice ${A}\nalice ${B} admin\nbob x`, FILE);
    if (!old || !next || !other) throw new Error("three keys");
    expect(tenantOf(old)).toBe(tenantOf(next));
    expect(tenantOf(other)).not.toBe(tenantOf(old));
  });

  test("may have limits for a name, which all its keys share", () => {
    const keys = parseKeyFile(
      `a ${A} sequences=4 tokens-per-minute=6000\na ${B} tokens-per-minute=6000 admin sequences=4\nb x`,
      FILE,
    );
    const limits = { maxSequences: 4, tokensPerMinute: 6000 };
    expect(keys.map((key) => [key.scope, key.limits])).toEqual([
      ["client", limits],
      ["admin", limits],
      ["client", undefined],
    ]);
  });

  test("knows keys of fewer than 16 characters", () => {
    expect(parseKeyFile(`a 123456789012345\nb 1234567890123456`, FILE)).toMatchObject([
      { isShort: true },
      { isShort: false },
    ]);
  });

  for (const [text, message] of [
    [`alice ${A}\n${A}`, "conf/keys:2: there is no key after the name"],
    [`${A} admin`, "conf/keys:1: there is no key after the name"],
    ["alice:", "conf/keys:1: there is no key after the name"],
    [`\n\n: ${A}`, "conf/keys:3: a line begins with a name"],
    [`a/b ${A}`, "conf/keys:1: a line begins with a name"],
    ["alice schlüssel", "conf/keys:1: the key has characters"],
    [`alice ${"k".repeat(513)}`, "conf/keys:1: the key has characters"],
    [`alice ${A} root`, "conf/keys:1: after the key stands something"],
    [`alice ${A} admin too`, "conf/keys:1: after the key stands something"],
    [`alice ${A}\nbob ${A}`, "conf/keys:2: the key is that of line 1, too"],
    [`a sequences=4`, "conf/keys:1: there is no key after the name"],
    [`a ${A} sequences=0`, "conf/keys:1: sequences takes a whole number from 1 on"],
    [`a ${A} tokens-per-minute=1e3`, "conf/keys:1: tokens-per-minute takes a whole number"],
    [`a ${A} sequences=1 sequences=1`, "conf/keys:1: sequences stands there twice"],
    [`a ${A} sequence=1`, "conf/keys:1: after the key stands something"],
    [`a ${A} sequences=1\na ${B}`, "conf/keys:2: another line has other limits"],
    ["", "conf/keys: there is no key in it"],
    ["# nobody\n", "conf/keys: there is no key in it"],
    [
      Array.from({ length: 4097 }, (_, i) => `n${i} key-${i}`).join("\n"),
      "conf/keys:4097: more than 4096 keys",
    ],
  ] as const) {
    test(`is refused with its place: ${message}`, () => {
      expect(() => parseKeyFile(text, FILE)).toThrow(message);
    });
  }

  test("is refused without telling a key, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), fc.string({ minLength: 8 }), (line, tail) => {
        try {
          parseKeyFile(`${line} SECRET${tail}`, FILE);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_key_file" });
          expect(String(error)).not.toContain("SECRET");
        }
      }),
    );
  });
});

test("a single key is an admin's, and named after where it is from", () => {
  expect(singleKey(A, "DYNAMO_API_KEY")).toMatchObject({ name: "DYNAMO_API_KEY", scope: "admin" });
  expect(() => singleKey("", "DYNAMO_API_KEY")).toThrow("DYNAMO_API_KEY is empty");
  for (const key of [" ", "a b", "schlüssel", "a\n"]) {
    expect(() => singleKey(key, "DYNAMO_API_KEY")).toThrow("DYNAMO_API_KEY must be visible ASCII");
  }
});

test("tenants of keys are 32-bit numbers above those of connections", () => {
  const keys = parseKeyFile(`alice ${A}\nbob ${B}`, FILE);
  for (const tenant of keys.map(tenantOf)) {
    expect(tenant).toBeGreaterThanOrEqual(2 ** 31);
    expect(tenant).toBeLessThan(2 ** 32);
  }
});
