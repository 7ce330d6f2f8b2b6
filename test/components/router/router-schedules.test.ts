// 500 random schedules of routing, leaving and dying: whatever happens, nothing stays booked and no block is lost.

import { expect, test } from "bun:test";

import { errorCode } from "../../../src/base/error.ts";
import { hangLimit } from "../../time-limits.ts";
import { all, completion, deployRouter, type RouterDeployment } from "./router-deployment.ts";

const NUM_SCHEDULES = 500;
const ACTS_PER_SCHEDULE = 8;
/** A deployment serves several schedules, since starting one takes longer than a schedule. */
const SCHEDULES_PER_DEPLOYMENT = 125;
const MODES = ["kv", "kv-blocks", "kv-load", "approx-kv", "round-robin", "random", "least-loaded"];
const VICTIMS = ["VllmWorker:1", "VllmWorker:2", "Processor:1", "Router:1"];

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

test(
  `${NUM_SCHEDULES} random schedules of routing, cancel and death leave nothing booked (SEED=${seed})`,
  async () => {
    const random = seeded(seed);
    let numAnswered = 0;
    for (let first = 0; first < NUM_SCHEDULES; first += SCHEDULES_PER_DEPLOYMENT) {
      const world = await deployRouter({ mode: "kv", worker: { numGpuBlocksOverride: 64 } });
      for (let i = 0; i < SCHEDULES_PER_DEPLOYMENT; i++)
        numAnswered += await perform(world, random);
      await world.stop();
    }
    expect(numAnswered).toBeGreaterThan(NUM_SCHEDULES); // The schedules were about something.
  },
  hangLimit(120_000),
);

/** The number of requests that were served to their end. */
async function perform(world: RouterDeployment, random: () => number): Promise<number> {
  const { door, host } = world;
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const requests: Promise<boolean>[] = [];
  for (let act = 0; act < ACTS_PER_SCHEDULE; act++) {
    const dice = random();
    if (dice < 0.03) host.kill(pick(VICTIMS));
    else if (dice < 0.06) await door.set("Processor", "router", pick(MODES));
    else if (dice < 0.3) await world.door.pause();
    else requests.push(client(world, random));
  }
  const answered = await Promise.all(requests);
  await door.ready();
  await untilNothingIsHeld(world);
  return answered.filter((isAnswered) => isAnswered).length;
}

/** One request, read to its end or left after some tokens. A death on its way may cost it its answer. */
async function client({ door }: RouterDeployment, random: () => number): Promise<boolean> {
  const prefix = "abc"[Math.floor(random() * 3)]?.repeat(Math.floor(random() * 40)) ?? "";
  const fields = { maxTokens: 1 + Math.floor(random() * 12), n: random() < 0.1 ? 2 : 1 };
  const outputs = door.complete(completion(`${prefix}${Math.floor(random() * 9)}`, fields));
  try {
    if (random() < 0.6) return (await all(outputs)).at(-1)?.finishReason === "length";
    for (let left = Math.floor(random() * 4); left > 0; left--) await outputs.next();
    await outputs.return?.();
    return false;
  } catch (error) {
    expect(["actor_down", "no_workers", "actor_stopping"]).toContain(errorCode(error));
    return false;
  }
}

const HELD = [
  "dynamo_router_booked_requests",
  "dynamo_router_booked_blocks",
  "dynamo_router_booked_prefill_tokens",
  "dynamo_kv_blocks_used",
  "vllm:num_requests_running",
  "vllm:num_requests_waiting",
];

async function untilNothingIsHeld(world: RouterDeployment): Promise<void> {
  let held: readonly number[] = [];
  for (let attempt = 0; attempt < hangLimit(3000); attempt++) {
    held = await world.metrics(HELD);
    if (held.every((count) => count === 0)) return;
    await world.door.pause();
  }
  expect(Object.fromEntries(HELD.map((name, i) => [name, held[i]]))).toEqual({});
}

/** Park and Miller's generator, for runs that repeat. */
function seeded(start: number): () => number {
  let state = (start % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
