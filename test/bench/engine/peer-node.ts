// The peer as node-llama-cpp, run by Node. It comes from npm into the cache when it is first asked for, without the
// packages for GPUs, which are hundreds of megabytes (docs/decisions/0004-the-peer-of-the-benchmark.md).

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import type { BenchEngine, Peer } from "./bench-engine.ts";
import { cacheFolder } from "./bench-model.ts";
import { runCommand } from "./run-command.ts";

const VERSION = "3.22.1";
const script = join(import.meta.dir, "peer-node.mjs");

export async function peerNode(): Promise<Peer> {
  const folder = join(cacheFolder, `node-llama-cpp-${VERSION}`);
  if (!existsSync(join(folder, "node_modules", "node-llama-cpp"))) {
    mkdirSync(folder, { recursive: true });
    const platform = `${process.platform}-${process.arch}`;
    const packages = ["node-llama-cpp", `@node-llama-cpp/${platform}`];
    const flags = ["--omit=optional", "--ignore-scripts", "--no-save", "--prefix", folder];
    const names = packages.map((name) => `${name}@${VERSION}`);
    await runCommand(["npm", "install", ...flags, ...names], { cwd: folder });
  }
  return {
    name: `node-llama-cpp ${VERSION}`,
    open: (model, threads) => openProcess(["node", script, folder, model.path, `${threads}`]),
  };
}

/** One line of JSON in, one number out. */
async function openProcess(command: readonly string[]): Promise<BenchEngine> {
  const child = Bun.spawn([...command], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = linesOf(child.stdout);
  const ask = async (request: object): Promise<number> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    await child.stdin.flush();
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`${command.join(" ")} ended`);
    return Number(value);
  };
  return {
    decode: (batch, numSteps) => ask({ batch, numSteps }),
    prefill: (numTokens) => ask({ numTokens }),
    async close() {
      await child.stdin.end();
      await child.exited;
    },
  };
}

async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
