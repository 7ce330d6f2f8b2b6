// The architecture as a test: layers, circles, banned words, dead files. It judges structure, not taste;
// the largest files are printed and left to the reader.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const root = join(import.meta.dir, "..");

/** Rooms that each room may import; its own files are free. From DESIGN: imports only go down. */
const LAYERS: Record<string, readonly string[]> = {
  base: [],
  sampling: ["base"],
  protocol: ["base", "sampling"],
  actor: ["base"],
  transport: ["base", "actor"],
  model: ["base", "sampling"],
  jinja: [],
  tokenizer: ["base", "jinja", "protocol", "model"],
  parsers: ["base", "protocol"],
  kv: ["base", "protocol"],
  grammar: ["base", "protocol"],
  hub: ["base"],
  http: ["base"],
  door: ["base", "protocol", "http"],
  openai: ["base", "sampling", "protocol", "door"],
  responses: ["base", "protocol", "door"],
  anthropic: ["base", "protocol", "door"],
  ollama: ["base", "sampling", "protocol", "door"],
  admin: ["base", "protocol", "door"],
  api: ["base", "door", "http", "openai", "responses", "anthropic", "ollama", "admin"],
  engine: ["base", "sampling", "protocol", "kv", "model"],
  registry: ["base", "actor"],
  queue: ["base", "actor"],
  sdk: ["base", "actor", "registry", "queue"],
  components: [
    "base",
    "sampling",
    "protocol",
    "model",
    "tokenizer",
    "parsers",
    "kv",
    "grammar",
    "engine",
    "door",
    "openai",
    "api",
    "http",
    "sdk",
  ],
  serve: ["base", "actor", "registry", "queue", "sdk"],
};

/** Beside main.ts and in cli: anything but the insides of the engine. */
const TOP = ["cli", "."];

const sources = listFiles("src", /(?<!\.d)\.ts$/);
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

describe("layers", () => {
  for (const file of sources) {
    test(`${file} imports only downward`, () => {
      const room = roomOf(file);
      const wrong = (imports.get(file) ?? [])
        .map((target) => roomOf(target))
        .filter((target) => target !== room && !mayImport(room, target));
      expect(wrong).toEqual([]);
    });
  }

  test("an engine does not know how it is opened", () => {
    const inside = sources.filter((file) => /^src\/engine\/[^/]+$/.test(file));
    const opening = (file: string) => imports.get(file)?.some((to) => to.includes("/engine/open/"));
    expect(inside.filter(opening)).toEqual([]);
  });

  test("graphs import only what the executable carries", () => {
    for (const file of listFiles("graphs", /\.ts$/)) {
      for (const name of specifiersOf(file)) {
        expect(["dynamo", "dynamo/components", "valibot"]).toContain(name);
      }
    }
  });

  test("no circle of imports, those of types included", () => {
    expectNoCircle(sources, imports);
  });
});

/** Rooms that each room of native/src may include; its own files and the header are free. */
const NATIVE_LAYERS: Record<string, readonly string[]> = {
  base: [],
  pack: ["base"],
  pool: ["base"],
  graph: ["base", "pack"],
  device: ["base", "pack", "pool", "graph"],
  cpu: ["base", "pack", "pool", "graph", "device"],
  cuda: ["base", "pack", "pool", "graph", "device"],
  engine: ["base", "pack", "pool", "graph", "device", "cpu", "cuda"],
  c_api: ["base", "graph", "device", "engine"],
};

/** The room under native/src for what is compiled into every library beside the engine. */
const NATIVE_BESIDE = "compat";

const nativeSources = listFiles("native/src", /\.(cc|h|c|cu|cuh)$/);
const includes = new Map(nativeSources.map((file) => [file, includesOf(file)]));

describe("native layers", () => {
  for (const file of nativeSources) {
    test(`${file} includes only downward`, () => {
      const room = nativeRoomOf(file);
      const wrong = (includes.get(file) ?? [])
        .map((target) => nativeRoomOf(target))
        .filter((target) => target !== room && !NATIVE_LAYERS[room]?.includes(target));
      expect(wrong).toEqual([]);
    });
  }

  test("every room has its layer", () => {
    const rooms = new Set(nativeSources.map(nativeRoomOf));
    rooms.delete(NATIVE_BESIDE);
    expect([...rooms].toSorted()).toEqual(Object.keys(NATIVE_LAYERS).toSorted());
  });

  test("no circle of includes", () => {
    expectNoCircle(nativeSources, includes);
  });

  test("one device does not know another, and only the engine's opener names one", () => {
    const others = nativeSources.filter((file) => !/^native\/src\/(cpu|cuda)\//.test(file));
    const naming = others.filter((file) =>
      (includes.get(file) ?? []).some((target) => /^native\/src\/(cpu|cuda)\//.test(target)),
    );
    expect(naming).toEqual(["native/src/engine/open_device.cc"]);
  });

  test("intrinsics stand where the files of an instruction set are", () => {
    const wrong = nativeSources.filter(
      (file) =>
        /#include <(immintrin|arm_neon)\.h>/.test(readFileSync(join(root, file), "utf8")) &&
        !/^native\/src\/cpu\/(.*\/)?((avx2|avx512|neon)\/|(avx2|avx512|neon)_)/.test(file),
    );
    expect(wrong).toEqual([]);
  });

  test("the largest files, to look at", () => {
    const sizes = bySize(nativeSources);
    for (const { file, lines } of sizes.slice(0, 5)) console.log(`  ${lines} ${file}`);
    expect(sizes.length).toBeGreaterThan(0);
  });
});

/** A word, where it may stand, and what to use instead. */
const BANNED: readonly { word: RegExp; allowed: RegExp; instead: string }[] = [
  { word: /\bprocess\.exit\b/, allowed: /^src\/main\.ts$/, instead: "throw" },
  { word: /\bnew Worker\b/, allowed: /^src\/transport\/thread\//, instead: "transport/thread" },
  { word: /\bset(Timeout|Interval)\b/, allowed: /^src\/base\/clock\.ts$/, instead: "Clock" },
  { word: /\bDate\.now\b/, allowed: /^src\/base\/clock\.ts$/, instead: "Clock" },
  {
    word: /["']bun:ffi["']/,
    // notify-socket: neither Bun nor Node has datagrams of the unix domain, in which service managers are told.
    // inherited-socket: nor can they duplicate a descriptor.
    allowed: /^src\/(engine\/(abi|memory-file)|cli\/notify-socket|http\/inherited-socket)\.ts$/,
    instead: "engine/abi.ts",
  },
  {
    word: /\bBun\.serve\b/,
    allowed: /^src\/plain-server-errors\.ts$/,
    instead: "http/listen.ts",
  },
  { word: /from "yaml"|import\("yaml"\)/, allowed: /^src\/serve\//, instead: "serve" },
  {
    word: /\bprocess\.env\b/,
    allowed: /^src\/(cli\/|base\/assert\.ts)/,
    instead: "a value handed in by cli",
  },
  { word: /@ts-ignore|\bas any\b/, allowed: /^$/, instead: "a type" },
];

/** Fragments for sentences, and words for the actor's name: the rule of prose in CONTRIBUTING.md. */
const VAGUE =
  /(^|[.:;!?\]] )(Of|Where|Whether|What) |\b([Ww]hoever|[Nn]obody|[Ss]omebody|[Aa]nybody)\b/;

/** Rooms whose comments keep it, by the folder around them: all but src/components, native/src/pack and test/components. */
const SWEPT: Readonly<Record<string, string>> = {
  src: "actor admin anthropic api base cli components door engine grammar http hub kv model ollama openai parsers protocol queue registry responses sampling sdk serve tokenizer transport",
  native: "bench include test",
  "native/src": "base c_api cuda device engine graph pack pool",
  "native/src/cpu": "attention gemm rowwise sample step",
  test: "actor admin agents anthropic api base bench cli clients components conformance docs door e2e engine grammar http hub kv model models ollama openai parsers queue reference registry responses sampling sdk serve tokenizer transport",
  ".": "graphs scripts",
};

describe("words", () => {
  for (const { word, allowed, instead } of BANNED) {
    test(`${word} stands only where it belongs; elsewhere: ${instead}`, () => {
      const wrong = sources.filter((file) => !allowed.test(file) && word.test(codeOf(file)));
      expect(wrong).toEqual([]);
    });
  }

  test("the actor half knows no LLM word", () => {
    const word = /\b(llm|prompts?|tokenizers?|logits|kv ?cache|openai|prefill|decoder)\b/i;
    const rooms = /^src\/(actor|transport|registry|queue|sdk)\//;
    const wrong = sources.filter((file) => rooms.test(file) && word.test(codeOf(file)));
    expect(wrong).toEqual([]);
  });

  test("the LLM half knows no actor word", () => {
    const word = /\b(actors?|mailbox(es)?|supervisors?|lanes?|registry)\b/i;
    const rooms = /^src\/(engine|grammar|kv|tokenizer|model|sampling)\//;
    const wrong = sources.filter((file) => rooms.test(file) && word.test(codeOf(file)));
    expect(wrong).toEqual([]);
  });

  test("comments begin with their subject, and name the actor", () => {
    const rooms = Object.entries(SWEPT).flatMap(([folder, names]) =>
      names.split(" ").map((name) => join(folder, name)),
    );
    const filesOf = (room: string) => listFiles(room, /\.(ts|mjs|cc|h|c)$/);
    expect(rooms.filter((room) => filesOf(room).length === 0)).toEqual([]);
    const wrong = rooms.flatMap(filesOf).flatMap((file) =>
      commentLinesOf(file)
        .filter((line) => VAGUE.test(line))
        .map((line) => `${file}: ${line}`),
    );
    expect(wrong).toEqual([]);
  });

  test("the native library is a silent guest: no printing, no ending, no environment", () => {
    const word =
      /\b(printf|fprintf|puts|abort|exit|_exit|getenv|signal|std::cout|std::cerr)\s*[(<]/;
    const files = listFiles("native/src", /\.(cc|h|c|cu|cuh)$/);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => word.test(codeOf(file)))).toEqual([]);
  });
});

describe("the house", () => {
  test("every file is imported by another, or is an entry", () => {
    const entries =
      /^src\/(main|(actor|text|json|grammar)\.worker|sdk\/index|components\/index)\.ts$/;
    const used = new Set([...imports.values()].flat());
    for (const file of listFiles("test", /\.ts$/))
      for (const target of importsOf(file)) used.add(target);
    expect(sources.filter((file) => !entries.test(file) && !used.has(file))).toEqual([]);
  });

  test("every graph has a configuration of its name", () => {
    for (const file of listFiles("graphs", /\.ts$/)) {
      const twin = file.replace("graphs/", "configs/").replace(/\.ts$/, ".yaml");
      expect(existsSync(join(root, twin)) ? twin : `missing: ${twin}`).toBe(twin);
    }
  });

  test("ARCHITECTURE.md names each room, and only rooms that exist", () => {
    const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
    const rooms = readdirSync(join(root, "src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `src/${entry.name}/`);
    const named = [...new Set(text.match(/(?<!native\/)\bsrc\/[a-z-]+\//g) ?? [])];
    expect(named.toSorted()).toEqual(rooms.toSorted());
  });

  test("ARCHITECTURE.md names only files and folders that exist", () => {
    const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
    const paths = text.matchAll(/(?:`|\]\()((?:[\w.-]+\/)+[\w.-]*|[\w-]+\.(?:ts|md))/g);
    const named = [...paths].map(([, path = ""]) => path).filter((path) => !path.includes("NAME"));
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((path) => !isPath(path))).toEqual([]);
  });

  test("the largest files, to look at", () => {
    const sizes = bySize(sources);
    for (const { file, lines } of sizes.slice(0, 5)) console.log(`  ${lines} ${file}`);
    expect(sizes.length).toBeGreaterThan(0);
  });
});

/** Follows `targets` from each file; throws with the circle, if there is one. */
function expectNoCircle(
  files: readonly string[],
  targets: ReadonlyMap<string, readonly string[]>,
): void {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file))
      throw new Error([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (done.has(file)) return;
    for (const target of targets.get(file) ?? []) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
}

function bySize(files: readonly string[]): readonly { file: string; lines: number }[] {
  return files
    .map((file) => ({ file, lines: readFileSync(join(root, file), "utf8").split("\n").length }))
    .toSorted((a, b) => b.lines - a.lines);
}

/** Paths in prose are from the root, from a folder of the code, or from the room that they are told of. */
function isPath(path: string): boolean {
  const folders = ["", "src", "native", "native/src", "src/transport", "test", "src/engine"];
  return folders.some((folder) => existsSync(join(root, folder, path)));
}

/** The folder under native/src. */
function nativeRoomOf(file: string): string {
  return file.split("/")[2] ?? "";
}

/** Files of native/src that `file` includes, as paths from the root. */
function includesOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/^#include "([^"]+)"/gm)]
    .map((match) => `native/src/${match[1]}`)
    .filter((target) => existsSync(join(root, target)));
}

function mayImport(room: string, target: string): boolean {
  if (TOP.includes(room)) return true;
  return (LAYERS[room] ?? []).includes(target);
}

/** The folder under src, or "." for files beside main.ts. */
function roomOf(file: string): string {
  const [, room = "", rest] = file.split("/");
  return rest === undefined ? "." : room;
}

/** Files of this repository that `file` imports, as paths from the root. */
function importsOf(file: string): readonly string[] {
  return specifiersOf(file).flatMap((name) => {
    if (name === "dynamo") return ["src/sdk/index.ts"];
    if (name === "dynamo/components") return ["src/components/index.ts"];
    if (!name.startsWith(".") || !name.endsWith(".ts")) return [];
    return [normalize(join(dirname(file), name))];
  });
}

function specifiersOf(file: string): readonly string[] {
  const code = codeOf(file);
  const pattern = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*)["']([^"']+)["']/g;
  return [...code.matchAll(pattern)].map((match) => match[1] ?? "");
}

/** The file without its comments: rules are about code. */
function codeOf(file: string): string {
  const text = readFileSync(join(root, file), "utf8");
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`\w])\/\/.*$/gm, "$1");
}

/** Lines of the file's comments, without their marks. */
function commentLinesOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), "utf8");
  const comments = text.match(/\/\*[\s\S]*?\*\/|(?<![:"'`\w])\/\/.*$/gm) ?? [];
  return comments.flatMap((comment) =>
    comment.split("\n").map((line) => line.replace(/^\s*(\/\/|\/?\*+\/?)\s*/, "")),
  );
}

function listFiles(folder: string, pattern: RegExp): readonly string[] {
  const absolute = join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { recursive: true, encoding: "utf8" })
    .filter((name) => pattern.test(name))
    .map((name) => relative(root, join(absolute, name)));
}
