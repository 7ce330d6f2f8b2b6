// Overhead of the server on an engine's steps: the whole way of a token, from the scheduler through two lanes to
// the socket, over a mocked engine that takes no time. The load generator shares the two cores, so this is an
// upper bound. Budget: 100 us a step and 5 us a token.

import { startServer } from "../e2e/server.ts";
import { median } from "./median.ts";

const ROUNDS = 5;
const NUM_TOKENS = 400;
const BUDGET = { stepMicros: 100, tokenMicros: 5 };

export async function run(): Promise<void> {
  const server = await startServer({
    args: [
      ...["graphs.agg:Frontend", "-f", "configs/mock.yaml"],
      ...["--VllmWorker.ServiceArgs.workers=1", "--VllmWorker.speedup-ratio=1e12"],
    ],
  });
  try {
    console.log("streams   us a step   us a token   share of the budget");
    for (const numStreams of [1, 8, 32, 128]) {
      const rounds: number[] = [];
      for (let round = -1; round < ROUNDS; round++) {
        const ms = await timeStreams(server.url, numStreams);
        if (round >= 0) rounds.push((ms * 1000) / NUM_TOKENS);
      }
      const stepMicros = median(rounds);
      const budget = BUDGET.stepMicros + BUDGET.tokenMicros * numStreams;
      console.log(
        [
          String(numStreams).padStart(7),
          stepMicros.toFixed(0).padStart(12),
          (stepMicros / numStreams).toFixed(2).padStart(13),
          `${((100 * stepMicros) / budget).toFixed(0)} %`.padStart(22),
        ].join(""),
      );
    }
  } finally {
    await server.stop();
  }
}

async function timeStreams(url: string, numStreams: number): Promise<number> {
  const begun = performance.now();
  await Promise.all(Array.from({ length: numStreams }, () => readStream(url)));
  return performance.now() - begun;
}

async function readStream(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "mock", prompt: "go", max_tokens: NUM_TOKENS, stream: true }),
  });
  for await (const _ of response.body ?? []);
}

if (import.meta.main) await run();
