// Conversations over four workers of the built-in model, in each mode of the router: how much of the prefix that a
// turn shares with the one before it is reused, and how long a turn takes. One server; the mode changes live.

import { ROUTER_MODES, type RouterMode } from "../../src/components/router/routing-modes.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { median } from "./median.ts";

const NUM_CONVERSATIONS = 12;
const AT_ONCE = 6;
const TURNS = 10;
const BLOCK_SIZE = 16;

interface Turns {
  reusable: number;
  reused: number;
  readonly ms: number[];
}

export async function run(): Promise<void> {
  const args = ["graphs.agg_router:Frontend", "-f", "configs/built-in-router.yaml"];
  const server = await startServer({ args });
  try {
    console.log(`${"mode".padEnd(14)}   reused   turn, median   p90`);
    for (const mode of ROUTER_MODES) {
      const { reusable, reused, ms } = await converseAll(server, mode);
      const share = `${((100 * reused) / reusable).toFixed(1)} %`;
      const p90 = ms.toSorted((a, b) => a - b)[Math.floor(0.9 * ms.length)] ?? 0;
      const times = [median(ms), p90].map((value) => `${value.toFixed(0)} ms`);
      console.log(
        `${mode.padEnd(14)} ${share.padStart(8)} ${times[0]?.padStart(14)} ${times[1]?.padStart(8)}`,
      );
    }
  } finally {
    await server.stop();
  }
}

async function converseAll(server: Server, mode: RouterMode): Promise<Turns> {
  await fetch(`${server.url}/config/Processor/router`, { method: "PUT", body: mode });
  const turns: Turns = { reusable: 0, reused: 0, ms: [] };
  let next = 0;
  const client = async () => {
    while (next < NUM_CONVERSATIONS) await converse(server, `${mode} ${next++}`, turns);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return turns;
}

async function converse(server: Server, topic: string, turns: Turns): Promise<void> {
  const messages: { role: string; content: string }[] = [];
  let known = 0; // tokens whose K and V some worker has: all but the last that was sampled
  for (let turn = 0; turn < TURNS; turn++) {
    messages.push({ role: "user", content: `${topic}. Question ${turn}: how do I serve a model?` });
    const begun = performance.now();
    const response = await server.post("/v1/chat/completions", {
      ...{ model: "dynamo", temperature: 0, ignore_eos: true, max_tokens: 24, messages },
    });
    const { choices, usage } = (await response.json()) as Answer;
    turns.ms.push(performance.now() - begun);
    const whole = Math.min(known, usage.prompt_tokens - 1) / BLOCK_SIZE;
    turns.reusable += Math.floor(whole) * BLOCK_SIZE;
    turns.reused += usage.prompt_tokens_details.cached_tokens;
    known = usage.prompt_tokens + usage.completion_tokens - 1;
    messages.push({ role: "assistant", content: choices[0]?.message.content ?? "" });
  }
}

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}
