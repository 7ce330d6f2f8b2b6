// npm run bench -- [name ...] [--option ...]     all that need no option, one after the other, if none is named
//
// Options come behind the names; each bench says at its top which it takes. Each prints one table. Quote ratios and medians of one run, on a machine that does nothing else.

interface Bench {
  run(options: readonly string[]): Promise<void>;
}

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  lane: () => import("./lane.ts"),
  steps: () => import("./step-overhead.ts"),
  http: () => import("./http.ts"),
  server: () => import("./server-overhead.ts"),
  conversations: () => import("./conversations.ts"),
  decode: () => import("./decode.ts"),
  hog: () => import("./hog.ts"),
  itl: () => import("./itl.ts"),
  disagg: () => import("./disagg.ts"),
  ngram: () => import("./ngram.ts"),
  start: () => import("./start-up.ts"),
  agreement: () => import("./agreement.ts"),
  rounding: () => import("./rounding.ts"),
  indexer: () => import("./indexer.ts"),
  routing: () => import("./routing.ts"),
  engine: () => import("./engine.ts"),
  grammar: () => import("./grammar.ts"),
  overload: () => import("./overload.ts"),
};

/** Those that need an option, or half an hour, and so run only when they are named. */
const NAMED_ONLY: ReadonlySet<string> = new Set(["agreement", "rounding", "routing", "engine"]);

const args = process.argv.slice(2);
const numNames = args.findIndex((arg) => arg.startsWith("--"));
const names = numNames < 0 ? args : args.slice(0, numNames);
const options = args.slice(names.length);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}`);
  process.exitCode = 2;
} else {
  for (const [name, load] of Object.entries(BENCHES)) {
    if (names.length > 0 ? !names.includes(name) : NAMED_ONLY.has(name)) continue;
    if (!options.includes("--json")) console.log(`\n== ${name}`);
    await (await load()).run(options);
  }
}

export {};
