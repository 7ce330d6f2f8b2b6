// The first step of `npm start`, `npm run build` and `npm test`. It runs on a fresh clone, before anything is
// installed, and so on plain Node.js: check the tools, install, build when something changed, serve.
//
//   node scripts/start.mjs [arguments of dynamo serve]     | --install-only | --build-only [arguments of build.ts]

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const args = process.argv.slice(2);

try {
  checkTools();
  install();
  if (args[0] !== "--install-only") build(args[0] === "--build-only" ? args.slice(1) : []);
  if (args[0] !== "--install-only" && args[0] !== "--build-only") serve(args);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

function checkTools() {
  const missing = [];
  if (Number(process.versions.node.split(".")[0]) < 20) {
    missing.push(`Node.js 20 or newer (this is ${process.versions.node})`);
  }
  if (!works(process.env.CXX ?? "c++", ["--version"])) {
    missing.push("a C++20 compiler   apt-get install g++");
  }
  if (!works("cmake", ["--version"])) missing.push("CMake              apt-get install cmake");
  if (missing.length > 0)
    throw new Error(`dynamo cannot be built. Missing:\n  ${missing.join("\n  ")}`);
}

/** Installs what package-lock.json names, unless node_modules is already newer than it. */
function install() {
  if (newest(["node_modules/.package-lock.json"]) >= newest(["package-lock.json"])) return;
  run("npm", ["install", "--no-save"]);
}

/** Builds ./dynamo, unless it is newer than everything that it is made of; with arguments, what they say. */
function build(buildArgs) {
  const sources = ["src", "native", "graphs", "configs", "models", "scripts", "package-lock.json"];
  if (buildArgs.length === 0 && newest(["dynamo"]) > newest(sources)) return;
  run(bun(), ["scripts/build.ts", ...buildArgs]);
}

function serve(serveArgs) {
  const child = spawn(join(root, "dynamo"), ["serve", "graphs.agg:Frontend", ...serveArgs], {
    stdio: "inherit",
  });
  // A terminal's Ctrl-C reaches the child as well, which takes two within a moment for one.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1;
  });
}

/** Bun as npm installed it; the platform package itself where install scripts are switched off. */
function bun() {
  const platform = `${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
  const candidates = ["bun/bin/bun.exe", `@oven/bun-${platform}/bin/bun`];
  for (const candidate of candidates) {
    const path = join(root, "node_modules", candidate);
    if (existsSync(path) && works(path, ["--version"])) return path;
  }
  throw new Error("Bun did not install. Run: node node_modules/bun/install.js");
}

function works(command, commandArgs) {
  return spawnSync(command, commandArgs, { stdio: "ignore" }).status === 0;
}

function run(command, commandArgs) {
  const { status } = spawnSync(command, commandArgs, { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error(`failed: ${command} ${commandArgs.join(" ")}`);
}

/** The latest change under the paths, in milliseconds; 0 when there is none of them. */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    const absolute = join(root, path);
    if (!existsSync(absolute)) continue;
    const stat = statSync(absolute);
    if (!stat.isDirectory()) latest = Math.max(latest, stat.mtimeMs);
    else {
      const inside = readdirSync(absolute)
        .filter((name) => !/^build(-.*)?$/.test(name))
        .map((name) => join(path, name));
      latest = Math.max(latest, newest(inside));
    }
  }
  return latest;
}
