// The same on real cores: the executable with the model that it carries, streams over HTTP beside prompts that
// nearly fill its context. Worker and prefill worker share the compute threads, so this is not where it pays.

import { startServer } from "../../e2e/server.ts";

export interface RealLatencies {
  readonly itlMs: readonly number[];
  readonly ttftMs: readonly number[];
}

const NUM_STREAMS = 4;
const PROMPT_TOKENS = 900;
const PROMPT_EVERY_MS = 250;
const DURATION_MS = 6000;

export async function measureRealCores(
  graph: "agg" | "disagg",
  prompts: "none" | "some",
): Promise<RealLatencies> {
  const config = graph === "agg" ? "configs/built-in.yaml" : "configs/disagg.yaml";
  const server = await startServer({
    args: [`graphs.${graph}:Frontend`, "-f", config, "--model", "built-in"],
  });
  const latencies = { itlMs: [] as number[], ttftMs: [] as number[] };
  try {
    const until = performance.now() + DURATION_MS;
    const streams = Array.from({ length: NUM_STREAMS }, async (_, n) => {
      for (let round = 0; performance.now() < until; round++) {
        const gaps = await readGaps(server.url, [n + 3, round, 5, 7], 500);
        latencies.itlMs.push(...gaps.slice(1));
      }
    });
    const asking: Promise<void>[] = [];
    for (let n = 0; prompts === "some" && performance.now() < until; n++) {
      const tokenIds = Array.from(
        { length: PROMPT_TOKENS },
        (_, i) => 3 + ((i * 7 + n * 31) % 900),
      );
      asking.push(
        readGaps(server.url, tokenIds, 8).then(([first = 0]) => void latencies.ttftMs.push(first)),
      );
      await Bun.sleep(PROMPT_EVERY_MS);
    }
    await Promise.all([...streams, ...asking]);
    return latencies;
  } finally {
    await server.stop();
  }
}

/** Milliseconds to the first token, and from each to the next. */
async function readGaps(url: string, prompt: readonly number[], maxTokens: number) {
  let last = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...{ model: "dynamo", prompt, max_tokens: maxTokens },
      ...{ ignore_eos: true, stream: true, temperature: 0 },
    }),
  });
  const gaps: number[] = [];
  for await (const _ of response.body ?? []) {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}
