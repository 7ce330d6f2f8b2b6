// How long a grammar takes: to compile, and for the mask of each token of random texts.
//
//   npm run bench -- grammar [--tokenizer MODEL]      a model's directory; else a made-up vocabulary of 151,669 tokens
//
// "first" is the first text of a grammar in a fresh process' tables; "all" is all 40 texts. Goal: median <= 50 us,
// p99 <= 500 us, compile <= 50 ms. "piece" is the longest piece in which new masks are made, which is how long others wait.

import { compileGrammar, type GrammarSource } from "../../src/grammar/compile.ts";
import { GrammarMatcher } from "../../src/grammar/grammar-matcher.ts";
import { TokenMasks } from "../../src/grammar/token-masks.ts";
import type { TokenTrie } from "../../src/grammar/token-trie.ts";
import { modelVocabulary, syntheticVocabulary } from "../grammar/model-vocabulary.ts";
import { randomWalk } from "../grammar/random-walk.ts";
import { seededRandom } from "../seeded-random.ts";
import { median, quantile } from "./median.ts";

const NUM_TOKENS = 151_669;
const NUM_TEXTS = 40;
const MAX_TOKENS = 100;

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer", minimum: 0, maximum: 150 },
    email: { type: "string", format: "email" },
    tags: { type: "array", items: { type: "string", maxLength: 20 }, maxItems: 5 },
    role: { enum: ["admin", "user", "guest"] },
    address: {
      type: "object",
      properties: { street: { type: "string" }, zip: { type: "string", pattern: "^[0-9]{5}$" } },
      required: ["street"],
    },
  },
  required: ["name", "age", "role"],
};

const TREE = {
  $defs: {
    node: {
      type: "object",
      properties: {
        value: { type: "string" },
        children: { type: "array", items: { $ref: "#/$defs/node" } },
      },
      required: ["value", "children"],
      additionalProperties: false,
    },
  },
  $ref: "#/$defs/node",
};

const SOURCES: Readonly<Record<string, GrammarSource>> = {
  person: { type: "json_schema", schema: JSON.stringify(PERSON) },
  tree: { type: "json_schema", schema: JSON.stringify(TREE) },
  json_object: { type: "json_object" },
  "regex, narrow": { type: "regex", pattern: "[0-9]{3}-[0-9]{4}( ext\\. [0-9]+)?" },
  "regex, wide": { type: "regex", pattern: "(Thought: .{1,80}\\n)+Answer: .+" },
  choice: { type: "choice", choices: ["positive", "negative", "neutral"] },
  ebnf: {
    type: "ebnf",
    grammar: 'root ::= expr\nexpr ::= term (("+" | "-") term)*\nterm ::= [0-9]+ | "(" expr ")"',
  },
};

export async function run(options: readonly string[]): Promise<void> {
  const at = options.indexOf("--tokenizer");
  const model = at < 0 ? undefined : options[at + 1];
  const begun = performance.now();
  const trie = model === undefined ? syntheticVocabulary(NUM_TOKENS) : await modelVocabulary(model);
  console.log(
    `vocabulary: ${trie.vocabSize} tokens, ${trie.numNodes} nodes, ${ms(performance.now() - begun)} ms`,
  );
  console.log(
    "grammar          compile ms   first: p50 us   p99 us   max us    all: p50 us   p99 us   masks   MiB   piece: p99 us   max us",
  );
  for (const [name, source] of Object.entries(SOURCES)) {
    const compiling = performance.now();
    const program = compileGrammar(source);
    const compileMs = performance.now() - compiling;
    const pieces = piecesOf(new TokenMasks({ program, trie }), trie);
    const masks = new TokenMasks({ program, trie });
    const random = seededRandom(1);
    const first: number[] = [];
    const all: number[] = [];
    for (let text = 0; text < NUM_TEXTS; text++) {
      randomWalk(new GrammarMatcher(masks), {
        trie,
        random,
        maxTokens: MAX_TOKENS,
        onMask: (us) => {
          all.push(us);
          if (text === 0) first.push(us);
        },
      });
    }
    const columns = [
      name.padEnd(15),
      compileMs.toFixed(1).padStart(11),
      median(first).toFixed(0).padStart(15),
      quantile(first, 0.99).toFixed(0).padStart(8),
      Math.max(...first)
        .toFixed(0)
        .padStart(8),
      median(all).toFixed(1).padStart(14),
      quantile(all, 0.99).toFixed(0).padStart(8),
      String(all.length).padStart(7),
      (masks.tableBytes / 2 ** 20).toFixed(1).padStart(5),
      quantile(pieces, 0.99).toFixed(0).padStart(15),
      Math.max(...pieces)
        .toFixed(0)
        .padStart(8),
    ];
    console.log(columns.join(" "));
  }
}

/** As the engine's scheduler has it. */
const UNITS = 25_000;

/** Microseconds of each piece in which the masks of a first text are made. */
function piecesOf(masks: TokenMasks, trie: TokenTrie): readonly number[] {
  const pieces: number[] = [];
  const matcher = new GrammarMatcher(masks);
  const fillMask = matcher.fillMask.bind(matcher);
  matcher.fillMask = (words) => {
    for (let isReady = false; !isReady; ) {
      const begun = performance.now();
      isReady = matcher.prepare({ units: UNITS });
      pieces.push(1000 * (performance.now() - begun));
    }
    fillMask(words);
  };
  randomWalk(matcher, { trie, random: seededRandom(1), maxTokens: MAX_TOKENS });
  return pieces;
}

function ms(value: number): string {
  return value.toFixed(0);
}
