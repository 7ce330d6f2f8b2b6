// More load than the executable can do: those that it takes do not wait for too long, the others are told when to come
// again, and what its client has left is not begun.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { request as post } from "../bench/raw-post.ts";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const MAX_QUEUE_MS = 1500;

function start(...args: string[]): Promise<Server> {
  return startServer({
    args: [
      ...["graphs.agg:Frontend", "-f", "configs/mock.yaml", "--VllmWorker.ServiceArgs.workers=1"],
      ...["--VllmWorker.max-num-seqs=4", `--VllmWorker.max-queue-ms=${MAX_QUEUE_MS}`, ...args],
    ],
    env: { DYNAMO_VERIFY: "1" },
  });
}

let numSent = 0;
const body = (maxTokens: number) => ({
  ...{ model: "mock", prompt: `${numSent++} go on`, max_tokens: maxTokens, stream: true },
});

/** All seats are taken, and so is the queue. */
async function fill(server: Server): Promise<Promise<Response>[]> {
  const sent: Promise<Response>[] = [];
  for (;;) {
    const answer = server.post("/v1/completions", body(60));
    sent.push(answer);
    const early = await Promise.race([answer, Bun.sleep(20)]);
    if (early && early.status !== 200) return sent;
  }
}

describe("a server with a short queue", () => {
  let server: Server;
  beforeAll(async () => {
    server = await start("--Frontend.overload-status=529");
  });
  afterAll(() => server?.stop());

  test(
    "takes what it can do in time and refuses the rest with a time to come again",
    async () => {
      const numRequests = 300;
      const answers = Promise.all(
        Array.from({ length: numRequests }, async (_, index) => {
          await Bun.sleep(20 * index); // some four times what it can do
          return post(server.url, "/v1/completions", body(20), "none");
        }),
      );
      const taken = (await answers).filter(({ status }) => status === 200);
      const refused = (await answers).filter(({ status }) => status === 529);
      expect(taken.length + refused.length).toBe(numRequests);
      expect(refused.length).toBeGreaterThan(numRequests / 4);
      expect(taken.length).toBeGreaterThan(0);
      for (const { retryAfterS } of refused) expect(retryAfterS).toBeGreaterThanOrEqual(1);
      const longest = Math.max(...taken.map(({ firstMs }) => firstMs));
      const slowest = Math.max(...refused.map(({ endMs }) => endMs));
      console.log(
        `  ${taken.length} taken, first token within ${longest.toFixed(0)} ms; ${refused.length} refused within ${slowest.toFixed(0)} ms`,
      );
      expect(longest).toBeLessThan(hangLimit(4 * MAX_QUEUE_MS)); // the promise is 1.2; a busy machine is slower
    },
    hangLimit(60_000),
  );

  test(
    "never begins what its client has left",
    async () => {
      void (await fill(server));
      const before = await server.metric("vllm:prompt_tokens_total");
      const leaving = new AbortController();
      const left = Array.from({ length: 5 }, () => {
        const prompt = `left ${"x".repeat(3000)}`;
        const answer = server.post("/v1/completions", { ...body(5), prompt }, leaving.signal);
        return answer.then(
          ({ status }) => status,
          () => "left",
        );
      });
      await Bun.sleep(50);
      leaving.abort();
      expect((await Promise.all(left)).every((one) => one === "left" || one === 529)).toBe(true);
      while ((await server.metric("vllm:num_requests_waiting")) > 0) await Bun.sleep(20);
      while ((await server.metric("vllm:num_requests_running")) > 0) await Bun.sleep(20);
      const after = await server.metric("vllm:prompt_tokens_total");
      expect(after - before).toBeLessThan(3000); // one of them alone has more
    },
    hangLimit(60_000),
  );
});

test(
  "request-timeout-ms ends an answer that takes longer with 504",
  async () => {
    const server = await start("--Frontend.request-timeout-ms=300");
    const whole = await server.post("/v1/completions", { ...body(16_000), stream: false });
    expect(whole.status).toBe(504);
    expect(await whole.json()).toMatchObject({ error: { code: "answer_timeout" } });
    const stream = await server.post("/v1/completions", body(16_000));
    expect(await stream.text()).toContain('"code":"answer_timeout"');
    while ((await server.metric("vllm:num_requests_running")) > 0) await Bun.sleep(20);
    expect(await server.stop()).toBe(0);
  },
  hangLimit(30_000),
);
