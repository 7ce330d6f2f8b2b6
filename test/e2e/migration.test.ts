// Workers that die under streams, on the compiled executable: each answer is what it is without a death.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const NUM_STREAMS = 16;
const NUM_KILLS = Number(process.env["DYNAMO_MIGRATION_KILLS"] ?? 4);
const NUM_WORKERS = 4;
/** A content that had no token yet would answer for the death, so each round waits for the first tokens. */
const KILLS_A_ROUND = 2;
const NUM_SEQUENCES = 20;

/** Kills the worker that it comes to first, some time after its first token. Others go on with it. */
const KILLER = { model: "built-in", prompt: [6, 5, 6, 5, 6], max_tokens: 20, ignore_eos: true };

function start(...args: readonly string[]): Promise<Server> {
  const graph = join(import.meta.dir, "fixtures/poisoned.ts");
  return startServer({
    args: [
      ...[`${graph}:Frontend`, "--model", "built-in", "--Processor.wait-for-worker-ms=60000"],
      ...["--Processor.router=round-robin", `--MortalWorker.ServiceArgs.workers=${NUM_WORKERS}`],
      ...["--MortalWorker.ServiceArgs.max-restarts=1000", ...args],
    ],
    env: { DYNAMO_VERIFY: "1" },
  });
}

/** A request of each kind; its answer is the same each time. */
function asked(i: number): object {
  return {
    ...{ model: "built-in", prompt: `Question ${i}: what does a lease hold?`, max_tokens: 120 },
    ...{ seed: i, temperature: i % 2, ignore_eos: i % 3 !== 0, n: i % 5 === 0 ? 2 : 1 },
    ...(i % 4 === 1 && { presence_penalty: 0.5, repetition_penalty: 1.2 }),
    ...(i % 4 === 2 && { min_tokens: 60 }),
    ...(i % 4 === 3 && { stop: [" is a", "zz"] }),
  };
}

interface Answer {
  readonly texts: readonly string[];
  readonly reasons: readonly string[];
  readonly numTokens: number;
}

async function unary(server: Server, body: object): Promise<Answer> {
  const { choices, usage } = await server.complete(body);
  const texts = choices.map(({ text }) => text);
  const reasons = choices.map(({ finish_reason }) => finish_reason);
  return { texts, reasons, numTokens: usage.completion_tokens };
}

async function streamed(server: Server, body: object): Promise<Answer> {
  const options = { stream: true, stream_options: { include_usage: true } };
  const response = await server.post("/v1/completions", { ...body, ...options });
  const events = (await response.text()).trim().split("\n\n");
  expect(events.pop()).toBe("data: [DONE]");
  const texts: string[] = [];
  const reasons: string[] = [];
  let numTokens = 0;
  for (const event of events) {
    const { choices, usage, error } = JSON.parse(event.replace(/^data: /, ""));
    expect(error).toBeUndefined();
    numTokens = usage?.completion_tokens ?? numTokens;
    for (const { index, text, finish_reason } of choices) {
      texts[index] = (texts[index] ?? "") + text;
      if (finish_reason !== null) reasons[index] = finish_reason;
    }
  }
  return { texts, reasons, numTokens };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < hangLimit(5000); attempt++) {
    if (await isSo()) return;
    await Bun.sleep(2);
  }
  throw new Error("what was waited for did not happen");
}

const ask = (server: Server, i: number) =>
  i % 3 === 1 ? unary(server, asked(i)) : streamed(server, asked(i));

describe("workers that die under streams", () => {
  let server: Server;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  test(
    `${NUM_KILLS} deaths under ${NUM_STREAMS} answers at a time change none of them`,
    async () => {
      const all = () => Array.from({ length: NUM_STREAMS }, (_, i) => ask(server, i));
      const alone = await Promise.all(all());
      const deaths = () =>
        server.metric("dynamo_runtime_restarts_total", { service: "MortalWorker" });
      const numBegun = () => server.metric("vllm:time_to_first_token_seconds_count");
      while ((await deaths()) < NUM_KILLS) {
        const before = await numBegun();
        const answers = all();
        await until(async () => (await numBegun()) >= before + NUM_SEQUENCES);
        for (let kill = 0; kill < KILLS_A_ROUND; kill++) {
          const numDead = await deaths();
          const killer = await streamed(server, { ...KILLER, seed: numDead });
          expect(killer).toMatchObject({ reasons: ["length"], numTokens: KILLER.max_tokens });
          await until(async () => (await deaths()) > numDead);
        }
        expect(await Promise.all(answers)).toEqual(alone);
      }
      const moved = await server.metric("dynamo_frontend_model_migration_total", {
        migration_type: "ongoing_request",
      });
      console.log(`  ${await deaths()} deaths, ${moved} sequences moved`);
      expect(moved).toBeGreaterThanOrEqual(NUM_KILLS);
      expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
      expect(await server.metric("vllm:num_requests_running")).toBe(0);
    },
    hangLimit(60_000 + 5000 * NUM_KILLS),
  );

  test("with migration-limit 0 a stream ends in an error event", async () => {
    const off = await start("--Processor.migration-limit=0");
    try {
      const response = await off.post("/v1/completions", {
        ...KILLER,
        max_tokens: 1000,
        stream: true,
      });
      expect(await response.text()).toContain('"code":"actor_down"');
      expect(await off.metric("dynamo_frontend_model_migration_total")).toBe(0);
    } finally {
      await off.stop();
    }
  });
});
