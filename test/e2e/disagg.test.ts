// Disaggregated prefill on the executable, with the model that it carries: the same text as without.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";
import { type Completion, type Server, startServer } from "./server.ts";

const QUESTIONS = [
  "How do I change the router?",
  "What is a lane, and how do messages get from one thread to another?",
  "Which formats can a model have?",
];
const FILLER = "Tell me about workers, blocks, sequences, lanes and leases. ";
/** Few and many tokens, alone and with what came before in front of them. */
const PROMPTS = [
  "Hi",
  ...QUESTIONS,
  FILLER.repeat(10),
  FILLER.repeat(10) + QUESTIONS[0],
  FILLER.repeat(25),
];
const MAX_LOCAL_TOKENS = 10;

for (const dtype of ["bfloat16", "int8"]) {
  describe(`with K and V as ${dtype}`, () => {
    let agg: Server;
    const disaggregated: Server[] = [];

    beforeAll(async () => {
      const start = (worker: string, ...args: string[]) =>
        startServer({
          args: [...args, "--model", "built-in", `--${worker}.kv-cache-dtype=${dtype}`],
          env: { DYNAMO_VERIFY: "1" },
        });
      agg = await start("VllmWorker", "graphs.agg:Frontend");
      for (const [graph, worker, numWorkers] of [
        ["disagg", "VllmWorker", 1],
        ["disagg_router", "VllmWorker", 2],
        ["disagg_routerless", "VllmWorkerRouterLess", 2],
      ] as const) {
        const server = await start(
          ...[worker, `graphs.${graph}:Frontend`, "-f", `configs/${graph}.yaml`],
          ...["--PrefillWorker.ServiceArgs.workers=2"],
          `--${worker}.ServiceArgs.workers=${numWorkers}`,
        );
        disaggregated.push(server);
      }
    }, hangLimit(60_000));
    afterAll(() => Promise.all([agg, ...disaggregated].map((server) => server?.stop())));

    for (const [what, sampling] of [
      ["greedy", { temperature: 0 }],
      ["sampled, with penalties and a seed", { temperature: 1, seed: 5, frequency_penalty: 0.5 }],
    ] as const) {
      test(`the text is that of agg: ${what}`, async () => {
        const bodies = PROMPTS.map((prompt) => ({
          ...{ model: "dynamo", prompt, max_tokens: 40, n: 2, ...sampling },
        }));
        const expected = await Promise.all(bodies.map((body) => textsOf(agg, body)));
        for (const server of disaggregated) {
          const before = await server.metric("dynamo_remote_prefills_total");
          expect(await Promise.all(bodies.map((body) => textsOf(server, body)))).toEqual(expected);
          const after = await server.metric("dynamo_remote_prefills_total");
          expect(after).toBeGreaterThan(before);
          expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
          expect(await server.metric("dynamo_remote_prefills_running")).toBe(0);
        }
      });
    }
  });
}

test("both limits change while requests run, and none of them fails", async () => {
  const server = await startServer({
    args: [
      ...["graphs.disagg:Frontend", "-f", "configs/disagg.yaml", "--model", "built-in"],
      `--VllmWorker.max-local-prefill-length=${MAX_LOCAL_TOKENS}`,
    ],
  });
  try {
    const remote = () => server.metric("dynamo_remote_prefills_total");
    const ask = (n: number) =>
      textsOf(server, { model: "dynamo", prompt: `${n} ${FILLER.repeat(5)}`, max_tokens: 20 });
    await ask(1);
    expect(await remote()).toBe(1);
    const load = Promise.all(Array.from({ length: 60 }, (_, n) => ask(100 + n)));
    await set(server, "max-local-prefill-length", 100_000);
    await set(server, "max-prefill-queue-size", 0);
    expect((await load).every((texts) => texts.length === 1)).toBe(true);
    const then = await remote();
    await ask(2);
    expect(await remote()).toBe(then);
    await set(server, "max-local-prefill-length", 0);
    await ask(3); // The queue still takes none.
    expect(await remote()).toBe(then);
    await set(server, "max-prefill-queue-size", 2);
    await ask(4);
    expect(await remote()).toBe(then + 1);
  } finally {
    await server.stop();
  }
});

test("the prefill queue's length is a metric: as many as may wait, and none when their clients have left", async () => {
  const server = await startServer({
    args: [
      ...["graphs.disagg:Frontend", "--Processor.model=mock", "--VllmWorker.model=mock"],
      ...["VllmWorker", "PrefillWorker"].map((name) => `--${name}.engine=mocker`),
      ...["--VllmWorker.remote-prefill=true", "--VllmWorker.conditional-disagg=true"],
      ...["--VllmWorker.max-prefill-queue-size=2", "--PrefillWorker.max-num-seqs=1"],
      "--PrefillWorker.speedup-ratio=0.2",
    ],
    env: { DYNAMO_VERIFY: "1" },
  });
  try {
    const queued = () =>
      server.metric("dynamo_runtime_queue_depth", { queue: "dynamo_PrefillWorker_queue" });
    expect(await queued()).toBe(0);
    const leaving = new AbortController();
    // One of them is computed by the prefill worker, two wait for it, and the last is refused there.
    const requests = ["a", "b", "c", "d"].map((letter) => {
      const body = { model: "mock", prompt: letter.repeat(12_000), max_tokens: 4 };
      return server.post("/v1/completions", body, leaving.signal).catch(() => undefined);
    });
    while ((await server.metric("dynamo_remote_prefills_running")) < 3) await Bun.sleep(5);
    expect(await queued()).toBe(2);
    leaving.abort();
    await Promise.all(requests);
    for (let i = 0; i < 100 && (await queued()) > 0; i++) await Bun.sleep(10);
    expect(await queued()).toBe(0);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

async function textsOf(server: Server, body: object): Promise<readonly string[]> {
  return (await server.complete(body)).choices.map(({ text }) => text);
}

/** Takes effect a moment after the answer. */
async function set(server: Server, key: string, value: number): Promise<void> {
  const response = await fetch(`${server.url}/config/VllmWorker/${key}`, {
    method: "PUT",
    body: JSON.stringify(value),
  });
  expect(response.status).toBe(200);
  await Bun.sleep(20);
}

test(
  "a prefill worker and a worker that die under load take no request of the others and no block with them",
  async () => {
    const server = await startServer({
      args: [
        join(import.meta.dir, "fixtures/mortal-workers.ts"),
        ...["-f", "configs/disagg.yaml", "--model", "built-in"],
        ...["VllmWorker", "PrefillWorker"].map((name) => `--${name}.ServiceArgs.workers=2`),
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
    try {
      const expected = new Map<string, string>();
      const failures: string[] = [];
      let numAnswers = 0;
      const ask = async (n: number) => {
        const prompt = `${n % 10} ${FILLER.repeat(1 + (n % 20))}`;
        const body = { model: "dynamo", prompt, max_tokens: 20, temperature: 0 };
        const response = await server.post("/v1/completions", body);
        const answer = (await response.json()) as Completion;
        if (!response.ok) return void failures.push(JSON.stringify(answer));
        const text = answer.choices[0]?.text ?? "";
        numAnswers += 1;
        expect(text).toBe(expected.get(prompt) ?? text);
        expected.set(prompt, text);
      };
      const restarts = () => server.metric("dynamo_runtime_restarts_total");
      let n = 0;
      const client = async () => {
        while ((await restarts()) < 2 || n < 200) await ask(n++);
      };
      await Promise.all(Array.from({ length: 8 }, client));
      if ((await restarts()) !== 2)
        console.log(
          server
            .stderr()
            .split("\n")
            .filter((l) => /WARN|ERROR/.test(l))
            .join("\n"),
        );
      expect(await restarts()).toBe(2);
      // At most one of each of 8 clients, and once more if the worker is back later than requests wait.
      expect(failures.length).toBeLessThanOrEqual(16);
      console.log(`  ${numAnswers} answers, ${failures.length} lost with their worker`);
      for (const failure of failures) expect(failure).toMatch(/down|stopping/);
      expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
      expect(await server.metric("dynamo_remote_prefills_running")).toBe(0);
      expect(server.stderr()).not.toContain("AssertionError");
    } finally {
      await server.stop();
    }
  },
  hangLimit(60_000),
);
