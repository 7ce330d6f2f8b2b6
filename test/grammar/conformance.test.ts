// The official JSON Schema test suite (json-schema-org/JSON-Schema-Test-Suite), where its folder is given:
//
//   JSON_SCHEMA_TEST_SUITE=../JSON-Schema-Test-Suite npm test -- conformance
//
// A schema with a keyword that is not supported must be refused by name; of all others, no invalid instance may be
// accepted, and no valid one refused. Exceptions are listed, each with its reason.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileGrammar } from "../../src/grammar/compile.ts";
import { GrammarError } from "../../src/grammar/grammar-error.ts";
import { textAcceptor } from "./accepts-text.ts";
import { textsOf } from "./json-documents.ts";

interface Group {
  readonly description: string;
  readonly schema: unknown;
  readonly tests: readonly {
    readonly description: string;
    readonly data: unknown;
    readonly valid: boolean;
  }[];
}

/** Whole files: keywords that are not claimed, and `format` where the suite takes it for a mere annotation. */
const UNCLAIMED: ReadonlySet<string> = new Set([
  "format", // here every text is valid, as an annotation says nothing; optional/format asks what we claim
  "unknownKeyword", // an unknown keyword is an error here
]);

/** Tests that we do not pass: leap seconds are taken only as they are written in UTC. */
const EXCEPTIONS: ReadonlySet<string> = new Set([
  "valid leap second, positive time-offset",
  "valid leap second, large positive time-offset",
  "valid leap second, negative time-offset",
  "valid leap second, large negative time-offset",
  "a valid date-time with a leap second, with minus offset",
]);

const FORMATS = ["date", "time", "date-time", "duration", "uuid", "email", "ipv4", "ipv6", "uri"];

const folder = process.env["JSON_SCHEMA_TEST_SUITE"];
const draft = folder === undefined ? undefined : join(folder, "tests", "draft2020-12");
const isThere = draft !== undefined && existsSync(draft);

describe.skipIf(!isThere)("JSON Schema test suite (JSON_SCHEMA_TEST_SUITE)", () => {
  if (draft === undefined) return;
  const files = readdirSync(draft).filter((name) => name.endsWith(".json"));
  const paths = [
    ...files.map((name) => join(draft, name)),
    ...FORMATS.map((name) => join(draft, "optional", "format", `${name}.json`)),
    join(draft, "optional", "float-overflow.json"),
    join(draft, "optional", "bignum.json"),
    join(draft, "optional", "ecmascript-regex.json"),
    join(draft, "optional", "non-bmp-regex.json"),
  ];
  let numChecked = 0;
  let numRefused = 0;
  for (const path of paths.filter((name) => existsSync(name))) {
    const file = path.slice(draft.length + 1, -".json".length);
    if (UNCLAIMED.has(file)) continue;
    test(file, () => {
      const groups = JSON.parse(readFileSync(path, "utf8")) as readonly Group[];
      const wrong: string[] = [];
      for (const group of groups) {
        const counts = checkGroup(group, file, wrong);
        numChecked += counts.checked;
        numRefused += counts.refused;
      }
      expect(wrong).toEqual([]);
    });
  }
  test("enough was checked", () => {
    console.log(
      `  ${numChecked} instances checked; ${numRefused} of schemas that are refused by name`,
    );
    expect(numChecked).toBeGreaterThan(500);
  });
});

function checkGroup({ description, schema, tests }: Group, file: string, wrong: string[]) {
  const accepts = acceptorOf(schema);
  if (accepts === "refused by name") return { checked: 0, refused: tests.length };
  for (const { data, valid, description: what } of tests) {
    const isAccepted = [...textsOf(data)].some((text) => accepts(text));
    if (isAccepted === valid || EXCEPTIONS.has(what)) continue;
    const problem = valid ? "valid refused" : "invalid accepted";
    wrong.push(`${file}: ${description}: ${what}: ${problem}: ${JSON.stringify(data)}`);
  }
  return { checked: tests.length, refused: 0 };
}

function acceptorOf(schema: unknown): ((text: string) => boolean) | "refused by name" {
  try {
    return textAcceptor(compileGrammar({ type: "json_schema", schema: JSON.stringify(schema) }));
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    if (error.code === "grammar_unsupported") return "refused by name";
    if (error.message.includes("no text at all can match")) return () => false;
    throw error;
  }
}
