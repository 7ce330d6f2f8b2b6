// npm run bench -- [name ...] [option ...]     all of them, one after the other, if none is named; options are the engine's
//
// Each prints one table. Quote ratios and medians of one run, on a machine that does nothing else.

const BENCHES: Readonly<
  Record<string, () => Promise<{ run(args?: readonly string[]): Promise<void> }>>
> = {
  lane: () => import("./lane.ts"),
  steps: () => import("./step-overhead.ts"),
  http: () => import("./http.ts"),
  server: () => import("./server-overhead.ts"),
  conversations: () => import("./conversations.ts"),
  decode: () => import("./decode.ts"),
  itl: () => import("./itl.ts"),
  start: () => import("./start-up.ts"),
  engine: () => import("./engine.ts"),
};

const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith("--"));
const names = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}`);
  process.exitCode = 2;
} else {
  for (const [name, load] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    if (!options.includes("--json")) console.log(`\n== ${name}`);
    await (await load()).run(name === "engine" ? options : []);
  }
}

export {};
