// Results of a replay, as a row of the table.

import { extendChain } from "../../../src/kv/block-hash.ts";
import { HashIndex } from "../../../src/kv/hash-index.ts";
import type { StoredBlock } from "../../../src/protocol/kv-event.ts";
import type { Replay, ReplayedRequest } from "./simulate.ts";
import { type TraceRequest, tokenIdsOf } from "./trace.ts";

const COLUMNS = [
  "hit rate",
  "TTFT mean",
  "p50",
  "p90",
  "p99",
  "latency mean",
  "p50",
  "p99",
  "waiting ¼ ½ ¾ end",
  "max load",
  "req/s",
];

export const HEADING = ["speed", "policy".padEnd(12), ...COLUMNS].join("  ");

/** Times in seconds. The load of a worker is the prompt tokens that it computes; `max load` is over the mean. */
export function rowOf(speed: number, policy: string, replay: Replay): string {
  const { requests, workers, totalMs } = replay;
  const ttft = sorted(requests.map((r) => (r.firstTokenAt - r.arrivedAt) / 1000));
  const latency = sorted(requests.map((r) => (r.endedAt - r.arrivedAt) / 1000));
  const loads = workers.map((worker) => worker.computedTokens);
  const cells = [
    hitRateOf(requests).toFixed(3),
    mean(ttft).toFixed(2),
    ...[0.5, 0.9, 0.99].map((share) => quantile(ttft, share).toFixed(2)),
    mean(latency).toFixed(1),
    ...[0.5, 0.99].map((share) => quantile(latency, share).toFixed(1)),
    waitingAtQuarters(requests).join(" "),
    (Math.max(...loads) / mean(loads)).toFixed(2),
    ((1000 * requests.length) / totalMs).toFixed(2),
  ].map((cell, i) => cell.padStart((COLUMNS[i] as string).length));
  return [speed.toString().padStart(5), policy.padEnd(12), ...cells].join("  ");
}

/** Share of prompt tokens that a cache without limit, shared by all workers, would have had. */
export function idealHitRate(trace: readonly TraceRequest[], blockSize: number): number {
  const known = new HashIndex(2 ** 26);
  let numFound = 0;
  let numTokens = 0;
  for (const request of trace) {
    const chain: StoredBlock[] = [];
    extendChain(chain, tokenIdsOf(request), { blockSize });
    let isFound = true;
    for (const [i, { blockHash }] of chain.entries()) {
      if (known.find(0, blockHash) === undefined) {
        known.add(0, blockHash);
        isFound = false;
      } else if (isFound && (i + 1) * blockSize < request.numPromptTokens) {
        numFound += blockSize;
      }
    }
    numTokens += request.numPromptTokens;
  }
  return numFound / numTokens;
}

function hitRateOf(requests: readonly ReplayedRequest[]): number {
  const numCached = requests.reduce((sum, request) => sum + request.numCachedTokens, 0);
  return numCached / requests.reduce((sum, request) => sum + request.numPromptTokens, 0);
}

/** How many requests have come and have no token yet, at four moments of the time in which requests come. */
function waitingAtQuarters(requests: readonly ReplayedRequest[]): number[] {
  const lastArrival = requests.at(-1)?.arrivedAt ?? 0;
  return [0.25, 0.5, 0.75, 1].map((share) => {
    const at = share * lastArrival;
    return requests.filter((r) => r.arrivedAt <= at && r.firstTokenAt > at).length;
  });
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.floor(share * (ascending.length - 1))] ?? Number.NaN;
}
