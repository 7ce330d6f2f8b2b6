// The engine beside its peer: decode and prefill in tokens a second, and the same through HTTP, on models of real
// shapes with random weights.
//
//     npm run bench -- engine [--peer] [--peer-bin DIR] [--model NAME] [--type Q8_0,Q4_0,BF16] [--threads N]
//                             [--rounds N] [--quick] [--no-served | --served-only] [--json]
//
// Ours and the peer take turns, cell by cell, and the machine's limits are measured in between. --peer is
// node-llama-cpp; --peer-bin takes llama-bench, llama-batched-bench and llama-server from a folder instead.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Peer } from "./engine/bench-engine.ts";
import { BENCH_TYPES, type BenchType, benchModel, shapeOf } from "./engine/bench-model.ts";
import { measureCells } from "./engine/cells.ts";
import { peaks } from "./engine/limits.ts";
import { peerBinaries } from "./engine/peer-binaries.ts";
import { peerNode } from "./engine/peer-node.ts";
import { measureServed } from "./engine/served-table.ts";
import { cellsTable, servedTable } from "./engine/tables.ts";

export async function run(args: readonly string[] = []): Promise<void> {
  const values = valuesOf(args);
  const threads = Number(values.threads);
  const peer = await choosePeer(values.peer, values["peer-bin"]);
  const say = (text: string) => {
    if (!values.json) console.log(text);
  };
  const isServed = !values["no-served"] && !values.quick;
  const results: object[] = [];
  for (const type of typesOf(values.type)) {
    const model = benchModel(shapeOf(values.model), type);
    const limits = await peaks(threads);
    const options = {
      ...{ model, threads, peer, peaks: limits },
      rounds: values.quick ? 1 : Number(values.rounds),
    };
    const size = values.quick ? "quick" : "whole";
    const cells = values["served-only"] ? [] : await measureCells({ ...options, size });
    const served = isServed ? await measureServed(options) : [];
    const head = `${model.name} ${type}, ${threads} threads, beside ${peer?.name ?? "no peer"}`;
    say(`\n${head}; peak ${limits.bf16} GFLOP/s bf16, ${limits.int8} GOP/s int8`);
    say(cellsTable(cells));
    say(`\n${servedTable(served)}`);
    results.push({ model: model.name, type, threads, peer: peer?.name, limits, cells, served });
  }
  if (values.json) console.log(JSON.stringify(results, undefined, 2));
}

function valuesOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: "boolean", default: false },
      "peer-bin": { type: "string" },
      model: { type: "string", default: "qwen3-0.6b" },
      type: { type: "string", default: BENCH_TYPES.join(",") },
      threads: { type: "string", default: `${availableParallelism()}` },
      rounds: { type: "string", default: "3" },
      quick: { type: "boolean", default: false },
      "no-served": { type: "boolean", default: false },
      "served-only": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  return values;
}

async function choosePeer(
  isWanted: boolean,
  folder: string | undefined,
): Promise<Peer | undefined> {
  if (folder !== undefined) return peerBinaries(folder);
  return isWanted ? await peerNode() : undefined;
}

function typesOf(list: string): readonly BenchType[] {
  return list.split(",").map((name) => {
    const type = BENCH_TYPES.find((known) => known === name);
    if (type === undefined)
      throw new Error(`no type ${name}; there are: ${BENCH_TYPES.join(", ")}`);
    return type;
  });
}

if (import.meta.main) await run(process.argv.slice(2));
