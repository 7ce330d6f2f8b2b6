// npm run bench -- [name ...]     all of them, one after the other, if none is named
//
// Each prints one table. Quote ratios and medians of one run, on a machine that does nothing else.

const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  lane: () => import("./lane.ts"),
  steps: () => import("./step-overhead.ts"),
  http: () => import("./http.ts"),
  server: () => import("./server-overhead.ts"),
  conversations: () => import("./conversations.ts"),
  decode: () => import("./decode.ts"),
  itl: () => import("./itl.ts"),
  start: () => import("./start-up.ts"),
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}`);
  process.exitCode = 2;
} else {
  for (const [name, load] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`\n== ${name}`);
    await (await load()).run();
  }
}

export {};
