// The bench that replays traces on real workers, with a trace of a few conversations.

import { expect, test } from "bun:test";

import { randomModel, replayReal } from "../bench/replay/real.ts";
import type { TraceRequest } from "../bench/replay/trace.ts";
import { hangLimit } from "../time-limits.ts";

const TURN_MS = 1000;
/** Tokens of a turn of the trace: two blocks, which come to 32 tokens on real workers. */
const TURN_TOKENS = 1024;

test(
  "conversations on real workers are found by kv, turn for turn, and all is accounted for",
  async () => {
    const trace: TraceRequest[] = [];
    for (let turn = 1; turn <= 4; turn++) {
      for (let user = 0; user < 3; user++) {
        trace.push({
          arrivesAt: turn * TURN_MS + user * 100,
          numPromptTokens: turn * TURN_TOKENS,
          numOutputTokens: 64,
          hashIds: Array.from({ length: 2 * turn }, (_, i) => 1 + user * 1000 + i),
        });
      }
    }
    using model = randomModel();
    const options = { policy: "kv", numWorkers: 2, speed: 1 } as const;
    const { requests, workers } = await replayReal(trace, options, model.directory);
    expect(requests.map((request) => request.numPromptTokens)).toEqual(
      trace.map(({ numPromptTokens }) => numPromptTokens / 32),
    );
    const cached = requests.map((request) => request.numCachedTokens);
    expect(cached).toEqual(
      requests.map(({ numPromptTokens }) => numPromptTokens - TURN_TOKENS / 32),
    );
    for (const { arrivedAt, firstTokenAt, endedAt } of requests) {
      expect(firstTokenAt).toBeGreaterThan(arrivedAt);
      expect(endedAt).toBeGreaterThanOrEqual(firstTokenAt);
    }
    expect(workers.reduce((sum, worker) => sum + worker.numRequests, 0)).toBe(trace.length);
    const computed = workers.reduce((sum, worker) => sum + worker.computedTokens, 0);
    expect(computed).toBe(trace.length * (TURN_TOKENS / 32));
  },
  hangLimit(60_000),
);
