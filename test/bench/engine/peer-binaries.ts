// The peer as programs that someone has built: llama-bench, llama-batched-bench and, if it is there, llama-server.
// Every measurement is a process of its own, which loads the model before the clock starts.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { type BenchEngine, CONTEXT, type Peer } from "./bench-engine.ts";
import type { BenchModel } from "./bench-model.ts";
import { runCommand } from "./run-command.ts";

export function peerBinaries(folder: string): Peer {
  const program = (name: string) => {
    const path = join(folder, name);
    if (!existsSync(path)) throw new Error(`--peer-bin ${folder} has no ${name}`);
    return path;
  };
  program("llama-bench");
  program("llama-batched-bench");
  return {
    name: `llama.cpp in ${folder}`,
    open: async (model, threads) => openBinaries(program, model, threads),
    ...(existsSync(join(folder, "llama-server")) && {
      serve: (model, { threads, numSlots, port }) => [
        ...[program("llama-server"), "-m", model.path, "-t", `${threads}`, "-np", `${numSlots}`],
        ...["-c", `${numSlots * 1024}`, "--port", `${port}`, "--host", "127.0.0.1"],
      ],
    }),
  };
}

function openBinaries(
  program: (name: string) => string,
  model: BenchModel,
  threads: number,
): BenchEngine {
  const common = ["-m", model.path, "-t", `${threads}`];
  const bench = async (...args: readonly string[]): Promise<number> => {
    const command = [program("llama-bench"), ...common, "-r", "1", "-o", "json", ...args];
    const [test] = JSON.parse(await runCommand(command)) as readonly { avg_ts: number }[];
    return test?.avg_ts ?? Number.NaN;
  };
  return {
    async decode(batch, numSteps) {
      if (batch === 1) return bench("-p", "0", "-n", `${numSteps}`, "-d", `${CONTEXT}`);
      const size = ["-npp", `${CONTEXT}`, "-ntg", `${numSteps}`, "-npl", `${batch}`];
      const room = ["-c", `${batch * (CONTEXT + numSteps)}`, "--output-format", "jsonl"];
      const command = [program("llama-batched-bench"), ...common, ...size, ...room];
      const output = await runCommand(command);
      const line = output.split("\n").find((text) => text.startsWith("{"));
      return (JSON.parse(line ?? "{}") as { speed_tg?: number }).speed_tg ?? Number.NaN;
    },
    prefill: (numTokens) => bench("-p", `${numTokens}`, "-n", "0"),
    close: async () => {},
  };
}
