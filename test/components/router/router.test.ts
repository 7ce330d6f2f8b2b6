// The router among its neighbours: what it books, whom it passes over, and what it says.

import { afterEach, describe, expect, test } from "bun:test";
import type { CompletionRequest } from "../../../src/protocol/chat.ts";
import { hangLimit } from "../../time-limits.ts";
import {
  all,
  BLOCK_SIZE,
  completion,
  deployRouter,
  type RouterDeployment,
} from "./router-deployment.ts";

let deployment: RouterDeployment | undefined;
afterEach(async () => {
  await deployment?.stop();
  deployment = undefined;
});

async function deployed(...options: Parameters<typeof deployRouter>): Promise<RouterDeployment> {
  deployment = await deployRouter(...options);
  return deployment;
}

const PREFIX = "the same long beginning of all these prompts, ";

/** Workers that were sent something, by instance, with the blocks that they were sent. */
async function sentTo({ door }: RouterDeployment): Promise<ReadonlyMap<string, number>> {
  const rows = (await door.scrape()).matchAll(
    /^llm_kv_hit_rate_isl_blocks\{worker_id="(\d+)"\} (\d+)/gm,
  );
  return new Map([...rows].map(([, worker = "", blocks]) => [worker, Number(blocks)]));
}

async function untilEqual(poll: () => Promise<unknown>, wanted: unknown): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < hangLimit(5000); attempt++) {
    last = await poll();
    if (Bun.deepEquals(last, wanted)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(last).toEqual(wanted);
}

describe("kv", () => {
  test("sends a prompt to the worker that holds its beginning, and reuses all whole blocks of it", async () => {
    const { door, metric } = await deployed({ mode: "kv", workers: 4 });
    await all(door.complete(completion(`${PREFIX}0`)));
    for (let turn = 1; turn <= 8; turn++) {
      // A moment for the news of the blocks to come.
      await untilEqual(async () => (await metric("llm_requests_active_slots")) === 0, true);
      const [first] = await all(door.complete(completion(`${PREFIX}${turn}`)));
      const wanted = Math.floor(PREFIX.length / BLOCK_SIZE) * BLOCK_SIZE;
      expect(first?.numCachedTokens).toBe(wanted);
    }
    expect((await sentTo(deployment as RouterDeployment)).size).toBe(1);
  });

  test("finds of a prompt only what its own owner and salt have left, and routes by that", async () => {
    const { door, metric } = await deployed({ mode: "kv", workers: 2 });
    const whole = Math.floor(PREFIX.length / BLOCK_SIZE) * BLOCK_SIZE;
    const cachedFor = async (fields: Partial<CompletionRequest>) => {
      await untilEqual(async () => (await metric("llm_requests_active_slots")) === 0, true);
      const [first] = await all(door.complete(completion(`${PREFIX}0`, fields)));
      return first?.numCachedTokens;
    };
    const ann = { cacheOwner: "ann" };
    for (const scope of [
      {},
      ann,
      { cacheOwner: "bob" },
      { cacheSalt: "x" },
      { ...ann, cacheSalt: "x" },
    ]) {
      expect([scope, await cachedFor(scope)]).toEqual([scope, 0]);
      // A second worker may be chosen where none holds it: twice, so that each has it.
      await cachedFor(scope);
      await cachedFor(scope);
      expect([scope, await cachedFor(scope)]).toEqual([scope, whole]);
    }
  });

  test("books blocks and prompt tokens until the first token, blocks until the end", async () => {
    const { door, metric } = await deployed({ mode: "kv", worker: { speedupRatio: 50 } });
    const prompt = "a prompt of thirty-two letters..";
    const outputs = door.complete(completion(prompt, { maxTokens: 100 }));
    const first = outputs.next();
    await untilEqual(() => metric("dynamo_router_booked_prefill_tokens"), prompt.length);
    expect(await metric("dynamo_router_booked_blocks")).toBe(prompt.length / BLOCK_SIZE);
    await first;
    await untilEqual(() => metric("dynamo_router_booked_prefill_tokens"), 0);
    expect(await metric("dynamo_router_booked_requests")).toBe(1);
    await outputs.return?.();
    await untilEqual(() => metric("dynamo_router_booked_requests"), 0);
    expect(await metric("dynamo_router_booked_blocks")).toBe(0);
  });

  test("one shared beginning does not send everything to one worker, also where decoding takes long", async () => {
    // Each prompt is computed before the next comes, so nothing is ever queued: only decodes pile up.
    const world = await deployed({ mode: "kv", workers: 4, worker: { speedupRatio: 200 } });
    const open = [];
    for (let i = 0; i < 48; i++) {
      const outputs = world.door.complete(completion(`${PREFIX}${i}`, { maxTokens: 400 }));
      await outputs.next();
      open.push(outputs);
    }
    const rows = (await world.door.scrape()).matchAll(
      /^dynamo_router_booked_requests\{.*\} (\d+)/gm,
    );
    const counts = [...rows].map(([, count]) => Number(count));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(48);
    const least = Math.min(...counts);
    expect(least).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThanOrEqual(Math.max(least + 8, 4 * least));
    for (const outputs of open) await outputs.return?.();
  });

  test("one shared beginning does not send everything to one worker", async () => {
    const config = { mode: "kv", workers: 4, worker: { speedupRatio: 50 } } as const;
    const world = await deployed(config);
    await all(world.door.complete(completion(`${PREFIX}0`)));
    const requests = Array.from({ length: 64 }, (_, i) =>
      all(world.door.complete(completion(`${PREFIX}${String(i).repeat(20)}`, { maxTokens: 30 }))),
    );
    await Promise.all(requests);
    const blocks = [...(await sentTo(world)).values()];
    expect(blocks.length).toBe(4);
    expect(Math.max(...blocks)).toBeLessThan(0.5 * blocks.reduce((sum, one) => sum + one, 0));
  });
});

describe("a request", () => {
  test("that asks for a worker goes there, and to no other", async () => {
    const world = await deployed({ mode: "kv" });
    const [worker] = await workerIds(world);
    for (let i = 0; i < 5; i++) {
      await all(world.door.complete(completion(`${i} in front`, { backendInstanceId: worker })));
    }
    expect([...(await sentTo(world)).keys()]).toEqual([String(worker)]);
    const wrong = all(world.door.complete(completion("x", { backendInstanceId: 999 })));
    expect(await failureOf(wrong)).toMatchObject({
      message: expect.stringContaining("is 999, and the live workers are: "),
    });
  });

  test("that asks where it would go is told, and does not run", async () => {
    const { door, metric } = await deployed({ mode: "kv", workers: 1 });
    const annotations = ["query_instance_id"];
    const outputs = await all(door.complete(completion("hello", { annotations })));
    const [worker] = await workerIds(deployment as RouterDeployment);
    expect(outputs).toMatchObject([
      {
        text: "",
        numTokens: 0,
        finishReason: "stop",
        annotations: { worker_instance_id: `${worker}` },
      },
    ]);
    expect(await metric("vllm:prompt_tokens_total")).toBe(0);
    await untilEqual(() => metric("dynamo_router_booked_requests"), 0);
  });
});

/** Bun's `rejects` keeps the event loop from turning, on which everything runs here. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no failure",
    (error: unknown) => error,
  );
}

async function workerIds({ registry }: RouterDeployment): Promise<readonly number[]> {
  const { keyValues } = await registry.range("instances/test/VllmWorker/generate:");
  return keyValues.map(({ key }) => Number.parseInt(key.split(":")[1] ?? "", 16));
}

describe("a worker", () => {
  test("with more of its blocks in use than the busy threshold gets no requests; if all have, that is the answer", async () => {
    const { door, metric } = await deployed({
      ...{ mode: "kv", workers: 2, router: { busyThreshold: 0.1 } },
      worker: { numGpuBlocksOverride: 40, speedupRatio: 20 },
    });
    const open = [0, 1].map((i) => door.complete(completion(`${i}`.repeat(60), { maxTokens: 60 })));
    for (const outputs of open) await outputs.next();
    expect(await metric("dynamo_router_booked_requests")).toBe(2);
    const refused = all(door.complete(completion("one more")));
    expect(await failureOf(refused)).toMatchObject({ code: "workers_busy" });
    await door.set("Router", "busy-threshold", 1); // and that can be changed while it serves
    await untilEqual(async () => {
      const outputs = await all(door.complete(completion("one more"))).catch(() => []);
      return outputs.length > 0;
    }, true);
    for (const outputs of open) await outputs.return?.();
  });

  test("that ends before the first token costs another choice, and the client sees nothing", async () => {
    const { door, host } = await deployed({ mode: "kv", worker: { speedupRatio: 20 } });
    const requests = Array.from({ length: 12 }, (_, i) =>
      all(door.complete(completion(`${i} and so on`, { maxTokens: 3 }))),
    );
    await new Promise((resolve) => setImmediate(resolve));
    host.running.get("VllmWorker:1")?.fail(new Error("killed"));
    for (const outputs of await Promise.all(requests)) {
      expect(outputs.at(-1)?.finishReason).toBe("length");
    }
  });
});

test("a router that ends and starts again loses no request", async () => {
  const { door, host } = await deployed({ mode: "kv", worker: { speedupRatio: 20 } });
  const before = all(door.complete(completion("before its end", { maxTokens: 20 })));
  host.running.get("Router:1")?.fail(new Error("killed"));
  const after = all(door.complete(completion("after its end", { maxTokens: 2 })));
  for (const outputs of await Promise.all([before, after])) {
    expect(outputs.at(-1)?.finishReason).toBe("length");
  }
});
