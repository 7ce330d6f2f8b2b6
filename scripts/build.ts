// Builds ./dynamo: the native library by CMake, then all of TypeScript into one executable that carries it.
//
//   bun scripts/build.ts [--native-only] [--tests] [--cuda auto | all | off] [--target linux-x64 | linux-arm64 | linux-x64-musl]
//
// --tests builds the native tests and benches too. --cuda: for the usual GPUs where there is an nvcc (auto), for all
// of them, or for none. Another target than this machine's makes dynamo-TARGET.

import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BUILD_TARGETS, type BuildTarget, hostTarget } from "./build-targets.ts";
import { buildTypes } from "./build-types.ts";

const root = new URL("..", import.meta.url).pathname;

/** Files that src/model/built-in-model.ts finds in the executable, out of models/built-in. */
const MODEL_FILES = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];

const { values } = parseArgs({
  options: {
    "native-only": { type: "boolean", default: false },
    tests: { type: "boolean", default: false },
    target: { type: "string", default: hostTarget() },
    cuda: { type: "string", default: "auto" },
  },
});

const target = BUILD_TARGETS.find(({ name }) => name === values.target);
if (target === undefined) {
  const names = BUILD_TARGETS.map(({ name }) => name).join(", ");
  console.error(`There is no target ${values.target}; there are: ${names}.`);
  process.exit(2);
}
if (!["auto", "all", "off"].includes(values.cuda)) {
  console.error(`--cuda is ${values.cuda}; it may be auto, all or off.`);
  process.exit(2);
}
const isHost = target.name === hostTarget();
if (!isHost && target.needs.some((file) => Bun.which(file) === null && !existsSync(file))) {
  console.error(`To build for ${target.name}: apt-get install ${target.packages.join(" ")}`);
  process.exit(1);
}
await buildNative(target);
if (!values["native-only"]) await buildExecutable(target);

async function buildNative({ folder, cmake, library }: BuildTarget): Promise<void> {
  const jobs = String(availableParallelism());
  const what = values.tests ? [] : ["--target", library];
  await run(["cmake", "-S", "native", "-B", folder, `-DDYNAMO_CUDA=${values.cuda}`, ...cmake]);
  await run(["cmake", "--build", folder, "--parallel", jobs, ...what]);
}

/**
 * Flags, and why (measured: Bun 1.4.5): identifiers keep their names, since a service is found by its class
 * name; --bytecode and --splitting with lazy imports bring `--version` to a few milliseconds; a bunfig.toml
 * or .env in the user's folder must not reach into the executable; without package.json files, it finds no
 * package beside a user's graph that has "main" or "exports", which is nearly every one.
 */
async function buildExecutable(target: BuildTarget): Promise<void> {
  const flags = [
    ["--compile", "--minify-whitespace", "--minify-syntax", "--sourcemap"],
    ["--bytecode", "--format=esm", "--splitting"],
    ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
    ["--compile-autoload-package-json"],
    ["--compile-exec-argv=--no-install"], // a package that a user's graph lacks is not fetched
    isHost ? [] : await foreignBun(target),
  ].flat();
  const workers = ["actor", "text", "json", "grammar"].map((name) => `src/${name}.worker.ts`);
  const entries = ["src/main.ts", ...workers];
  const folder = join(root, target.folder, "executable");
  const model = join(folder, "built-in");
  for (const file of MODEL_FILES) cpSync(join(root, "models/built-in", file), join(model, file));
  const init = join(root, "native/build/init");
  await buildTypes(join(init, "types"));
  cpSync(join(root, "templates"), init, { recursive: true });
  const assets = [model, init].flatMap((path) => ["--asset", path]);
  const build = [process.execPath, "build", ...flags, ...entries];
  await run([...build, ...assets, "--outfile", join(folder, "dynamo")]);
  renameSync(join(folder, "dynamo"), join(root, isHost ? "dynamo" : `dynamo-${target.name}`));
  rmSync(folder, { recursive: true }); // the source maps are inside the executable as well
}

/** The target's own Bun, which npm has too, and the library that package.json names for it ("imports"). */
async function foreignBun({ name, bun, ...target }: BuildTarget): Promise<readonly string[]> {
  const folder = join(root, target.folder, name);
  mkdirSync(folder, { recursive: true });
  const packed = join(folder, `${bun.replace("@", "").replace("/", "-")}-${Bun.version}.tgz`);
  if (!(await Bun.file(packed).exists())) {
    await run(["npm", "pack", "--silent", `${bun}@${Bun.version}`, "--pack-destination", folder]);
  }
  await run(["tar", "-xzf", packed, "-C", folder]);
  const executable = join(folder, "package/bin/bun");
  return [`--compile-executable-path=${executable}`, "--target=bun", `--conditions=${name}`];
}

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const status = await child.exited;
  if (status !== 0) throw new Error(`${command.join(" ")} ended with status ${status}`);
}
