// Ours and the peer's servers, one after the other for each number of clients.

import { join } from "node:path";

import { freePort } from "../../e2e/server.ts";
import { median } from "../median.ts";
import type { Peer } from "./bench-engine.ts";
import type { BenchModel } from "./bench-model.ts";
import { type LoadResult, measureCachedTtft, measureLoad, startServed } from "./served.ts";

const root = join(import.meta.dir, "../../..");

export interface ServedOptions {
  readonly model: BenchModel;
  readonly threads: number;
  readonly peer: Peer | undefined;
}

export interface Served extends LoadResult {
  readonly server: string;
  readonly numClients: number;
  readonly readyMs: number;
  /** To the first token of 512, of which 496 are cached. */
  readonly cachedTtftMs: number;
}

export async function measureServed(options: ServedOptions): Promise<readonly Served[]> {
  const { model, threads, peer } = options;
  const results: Served[] = [];
  for (const numClients of [8, 16]) {
    results.push(
      await measureServer("ours", numClients, (port) => [
        ...[join(root, "dynamo"), "serve", "graphs.agg:Frontend", "--model", model.path],
        ...["--port", `${port}`, `--VllmWorker.threads=${threads}`],
        ...["--VllmWorker.max-model-len=4096", `--VllmWorker.max-num-seqs=${4 * numClients}`],
      ]),
    );
    const { serve } = peer ?? {};
    if (serve === undefined) continue;
    const command = (port: number) => serve(model, { threads, numSlots: numClients, port });
    results.push(await measureServer("peer", numClients, command));
  }
  return results;
}

async function measureServer(
  server: string,
  numClients: number,
  command: (port: number) => readonly string[],
): Promise<Served> {
  const port = await freePort();
  const { url, readyMs, stop } = await startServed(command(port), { port, cwd: root });
  try {
    await measureLoad(url, { numClients: 1, rounds: 1 }); // warm
    const load = await measureLoad(url, { numClients, rounds: 2 });
    const cachedTtftMs = median(await measureCachedTtft(url));
    return { server, numClients, readyMs, cachedTtftMs, ...load };
  } finally {
    await stop();
  }
}
