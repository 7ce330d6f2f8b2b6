// Answers at a high temperature over many forms, from the compiled executable: each that ends is of its form.
//
//   npm test -- forms       1,000 of them; DYNAMO_FORMS says how many

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { compileGrammar } from "../../src/grammar/compile.ts";
import { GrammarError } from "../../src/grammar/grammar-error.ts";
import { randomSchema } from "../grammar/random-schema.ts";
import { isValid } from "../grammar/small-validator.ts";
import { seededRandom } from "../seeded-random.ts";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const NUM_ANSWERS = Number(process.env["DYNAMO_FORMS"] ?? 80);
const NUM_AT_ONCE = 8;
const MAX_TOKENS = 150;

interface Form {
  readonly fields: object;
  readonly isMet: (text: string) => boolean;
}

const REGEXES = [
  "[a-z]{3,8}",
  "(yes|no|maybe)( please)?",
  "[0-9]{3}-[0-9]{4}",
  "\\d{4}-(0[1-9]|1[0-2])-([0-2][1-8])",
  "#[0-9a-fA-F]{6}",
  "[A-Z][a-z]+( [A-Z][a-z]+){1,2}",
  "(ab|cd)*e{2}",
  "-?(0|[1-9]\\d{0,5})(\\.\\d{1,3})?",
  "\\p{Lu}\\p{Ll}{2,5}!",
  "[^a-z\\n]{4}",
  ".{5}",
  "(\\w+\\.){1,3}(com|org)",
  "[éüñ]{2,4}",
  "\\[(\\d(, \\d)*)?\\]",
  "Thought: [a-z ]{1,20}\\nAnswer: (A|B|C)",
  "<b>[^<>]{1,12}</b>",
  "(a?b?c?){2}x",
  "\\S{1,6}( \\S{1,6}){0,3}",
  "0x[0-9a-f]+",
  "😀{1,3}|🎉",
];

/** With what a text of each must satisfy. */
const GRAMMARS: readonly (readonly [string, (text: string) => boolean])[] = [
  ['root ::= "(" root ")" | "x"', (text) => /^(\(*)x(\)*)$/.test(text) && isBalanced(text)],
  [
    'root ::= expr\nexpr ::= term (("+" | "-") term)*\nterm ::= [0-9] | "(" expr ")"',
    (text) => /^[-0-9+()]+$/.test(text) && isBalanced(text),
  ],
  ['root ::= "[" [0-9] ("," [0-9])* "]"', (text) => Array.isArray(JSON.parse(text))],
  [
    'root ::= line{2,3}\nline ::= [a-z]{1,5} "=" [0-9]+ "\\n"',
    (text) => /^([a-z]{1,5}=\d+\n){2,3}$/.test(text),
  ],
  ['root ::= "a" root "b" | ""', (text) => /^(a*)(b*)$/.test(text) && text.length % 2 === 0],
  [
    'root ::= object\nobject ::= "{" pair ("," pair)? "}"\npair ::= "\\"" [a-c] "\\":" ([0-9] | object)',
    (text) => typeof JSON.parse(text) === "object",
  ],
  [
    'root ::= move (" " move){0,4}\nmove ::= [NBRQK]? [a-h] [1-8]',
    (text) => /^[NBRQK]?[a-h][1-8]( [NBRQK]?[a-h][1-8]){0,4}$/.test(text),
  ],
  ["root ::= [^\\n]{3} # three\n", (text) => [...text].length === 3 && !text.includes("\n")],
  [
    'root ::= "SELECT " col " FROM " col\ncol ::= [a-z]{1,6}',
    (text) => /^SELECT [a-z]{1,6} FROM [a-z]{1,6}$/.test(text),
  ],
  ['root ::= ("é" | "中" | "😀")+ "."', (text) => /^(é|中|😀)+\.$/u.test(text)],
];

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === "(") depth++;
    if (char === ")") depth--;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function schemaForms(count: number): readonly Form[] {
  const random = seededRandom(5);
  const forms: Form[] = [];
  while (forms.length < count) {
    const own = randomSchema(random, 2) as object;
    const schema = { ...own, $defs: { d: randomSchema(random, 0) } };
    if (hasValues(schema)) {
      const format = { type: "json_schema", json_schema: { name: "form", schema } };
      const isMet = (text: string) => isValid(JSON.parse(text), schema);
      forms.push({ fields: { response_format: format }, isMet });
    }
  }
  return forms;
}

function hasValues(schema: object): boolean {
  try {
    const layout = { undeclaredProperties: "refused" } as const;
    compileGrammar({ type: "json_schema", schema: JSON.stringify(schema), layout });
    return true;
  } catch (error) {
    if (error instanceof GrammarError && error.code === "grammar_invalid") return false;
    throw error;
  }
}

const FORMS: readonly Form[] = [
  ...schemaForms(50),
  ...REGEXES.map((regex) => {
    const whole = new RegExp(`^(?:${regex})$`, "u");
    return { fields: { structured_outputs: { regex } }, isMet: (text: string) => whole.test(text) };
  }),
  ...GRAMMARS.map(([grammar, isMet]) => ({ fields: { grammar }, isMet })),
];

describe("answers at temperature 1.5", () => {
  let server: Server;
  beforeAll(async () => {
    const args = ["graphs.agg:Frontend", "-f", "configs/built-in.yaml"];
    server = await startServer({ args });
  }, hangLimit(60_000));
  afterAll(async () => void (await server.stop()));

  test(
    `${NUM_ANSWERS} over ${FORMS.length} forms are of them, but for those that are cut`,
    async () => {
      const counts = { stop: 0, length: 0 };
      const one = async (number: number) => {
        const form = FORMS[number % FORMS.length] as Form;
        const response = await server.post("/v1/chat/completions", {
          messages: [{ role: "user", content: `Say something (${number}).` }],
          ...{ temperature: 1.5, seed: number, max_tokens: MAX_TOKENS, ...form.fields },
        });
        const answer = (await response.json()) as {
          choices?: { message: { content: string }; finish_reason: "stop" | "length" }[];
        };
        const [choice] = answer.choices ?? [];
        const asked = JSON.stringify(form.fields);
        if (choice === undefined) throw new Error(`${asked} gave ${JSON.stringify(answer)}`);
        counts[choice.finish_reason]++;
        if (choice.finish_reason === "length") return;
        const { content } = choice.message;
        const isMet = await Promise.try(form.isMet, content).catch(() => false);
        if (!isMet) throw new Error(`answer ${number}: ${asked} gave ${JSON.stringify(content)}`);
      };
      let next = 0;
      const lane = async () => {
        while (next < NUM_ANSWERS) await one(next++);
      };
      await Promise.all(Array.from({ length: NUM_AT_ONCE }, lane));
      console.log(`  ${counts.stop} whole, ${counts.length} cut`);
      expect(counts.stop + counts.length).toBe(NUM_ANSWERS);
      expect(counts.stop).toBeGreaterThan(NUM_ANSWERS / 2);
    },
    hangLimit(60_000 + 500 * NUM_ANSWERS),
  );
});
