// Builds ./dynamo: the native library by CMake, then all of TypeScript into one executable that carries it.
//
//   bun scripts/build.ts [--native-only]

import { cpSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;

/** What src/model/built-in-model.ts finds in the executable, out of models/built-in. */
const MODEL_FILES = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];

await buildNative();
if (!process.argv.includes("--native-only")) await buildExecutable();

async function buildNative(): Promise<void> {
  const jobs = String(availableParallelism());
  await run(["cmake", "-S", "native", "-B", "native/build", "-DCMAKE_BUILD_TYPE=Release"]);
  await run(["cmake", "--build", "native/build", "--parallel", jobs]);
}

/**
 * Flags, and why (measured: Bun 1.4.5): identifiers keep their names, since a service is found by its class
 * name; --bytecode and --splitting with lazy imports bring `--version` to a few milliseconds; a bunfig.toml
 * or .env in the user's folder must not reach into the executable; without package.json files, it finds no
 * package beside a user's graph that has "main" or "exports", which is nearly every one.
 */
async function buildExecutable(): Promise<void> {
  const flags = [
    ["--compile", "--minify-whitespace", "--minify-syntax", "--sourcemap"],
    ["--bytecode", "--format=esm", "--splitting"],
    ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
    ["--compile-autoload-package-json"],
    ["--compile-exec-argv=--no-install"], // a package that a user's graph lacks is not fetched
  ].flat();
  const entries = ["src/main.ts", "src/actor.worker.ts"];
  const folder = join(root, "native/build/executable");
  const model = join(folder, "built-in");
  for (const file of MODEL_FILES) cpSync(join(root, "models/built-in", file), join(model, file));
  const output = join(folder, "dynamo");
  const build = [process.execPath, "build", ...flags, ...entries];
  await run([...build, "--asset", model, "--outfile", output]);
  renameSync(join(folder, "dynamo"), join(root, "dynamo"));
  rmSync(folder, { recursive: true }); // the source maps are inside the executable as well
}

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const status = await child.exited;
  if (status !== 0) throw new Error(`${command.join(" ")} ended with status ${status}`);
}
