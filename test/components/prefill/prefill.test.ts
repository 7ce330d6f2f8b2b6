// Disaggregated prefill between real actors: whatever is cancelled, dies or is preempted at whatever moment,
// every output is that of its request alone, and every block is free in the end.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { errorCode } from "../../../src/base/error.ts";
import type { PreprocessedRequest } from "../../../src/protocol/llm.ts";
import { naiveOutput, SMALL_LIMITS } from "../../engine/fake-runner.ts";
import { promptOf, requestOf } from "../../engine/requests.ts";
import { hangLimit } from "../../time-limits.ts";
import { turns, World } from "./prefill-world.ts";

const { vocabSize } = SMALL_LIMITS;

interface Asked {
  readonly request: PreprocessedRequest;
  /** Tokens after which the client leaves. */
  readonly leavesAfter?: number | undefined;
  /** Its worker has died, which is the only excuse for a failure. */
  hasDied: boolean;
}

/** Asks one worker; the output so far if it died. */
async function ask(world: World, instance: number, asked: Asked): Promise<void> {
  const output: number[] = [];
  try {
    for await (const { tokenIds } of world.workers.at(instance).generate(asked.request)) {
      output.push(...tokenIds);
      if (output.length >= (asked.leavesAfter ?? Number.POSITIVE_INFINITY)) break;
    }
  } catch (error) {
    if (errorCode(error) !== "actor_down" || world.engines.has(instance)) throw error;
    asked.hasDied = true;
  }
  const whole = naiveOutput(asked.request, vocabSize);
  expect(output).toEqual(whole.slice(0, output.length));
  if (!asked.hasDied && asked.leavesAfter === undefined) expect(output).toEqual(whole);
}

/** Waits for the last blocks on their way home. */
async function settle(world: World): Promise<void> {
  const isBusy = () =>
    [...world.engines.values()].some((engine) => engine.stats().numBlocksUsed > 0);
  for (let i = 0; i < 2000 && (isBusy() || world.engines.size < 2); i++) await turns(1);
  expect(world.engines.size).toBe(2);
  for (const engine of world.engines.values()) {
    engine.checkIntegrity();
    expect(engine.stats()).toMatchObject({ numBlocksUsed: 0, numLent: 0 });
  }
}

async function withWorld(
  options: Partial<World["options"]>,
  use: (world: World) => Promise<void>,
): Promise<void> {
  const world = await World.begin({ numBlocks: 40, stepTurns: () => 0, ...options });
  try {
    await use(world);
    await settle(world);
  } finally {
    await world.deployment.stop();
  }
}

const LONG = requestOf(promptOf(50), { stop: { maxTokens: 10 } });

/** A worker's instance, and what it has had computed elsewhere. */
function first(world: World) {
  const [instance = 0] = world.workers.instances;
  return {
    instance,
    stats: () => {
      const engine = world.engines.get(instance);
      if (engine === undefined) throw new Error("the worker is gone");
      return engine.stats();
    },
  };
}

describe("a long prompt", () => {
  test("is computed by a prefill worker, a short one where it is decoded", () =>
    withWorld({}, async (world) => {
      const { instance, stats } = first(world);
      await ask(world, instance, { request: requestOf(promptOf(6)), hasDied: false });
      expect(stats().remotePrefillsTotal).toBe(0);
      await ask(world, instance, { request: LONG, hasDied: false });
      expect(stats().remotePrefillsTotal).toBe(1);
    }));

  test("whose prefix is cached counts by what is left", () =>
    withWorld({}, async (world) => {
      const { instance, stats } = first(world);
      await ask(world, instance, { request: LONG, hasDied: false });
      await ask(world, instance, { request: LONG, hasDied: false });
      expect(stats().remotePrefillsTotal).toBe(1);
    }));

  test("is computed where it is decoded if the queue is as long as it may be, or nobody pulls", () =>
    withWorld({}, async (world) => {
      const { instance, stats } = first(world);
      world.settings.maxPrefillQueueSize = 0;
      await ask(world, instance, { request: LONG, hasDied: false });
      expect(stats().remotePrefillsTotal).toBe(0);
    }));

  test("of any length goes to a prefill worker where no condition is made", () =>
    withWorld({}, async (world) => {
      const { instance, stats } = first(world);
      Object.assign(world.settings, { conditionalDisagg: false, maxPrefillQueueSize: 0 });
      await ask(world, instance, { request: requestOf(promptOf(2)), hasDied: false });
      expect(stats().remotePrefillsTotal).toBe(1);
    }));

  test("whose prefill worker dies at it is computed by another", () =>
    withWorld({ stepTurns: (isPrefill) => (isPrefill ? 20 : 0) }, async (world) => {
      const { instance, stats } = first(world);
      const answer = ask(world, instance, { request: LONG, hasDied: false });
      await turns(15);
      expect(stats().numLent).toBe(1);
      world.kill("Prefiller", 1);
      await answer;
      expect(stats().remotePrefillsTotal).toBe(1);
    }));

  test("that nobody wants any more keeps its blocks until the step is over in which its prefill worker died", () =>
    withWorld({ stepTurns: (isPrefill) => (isPrefill ? 60 : 0) }, async (world) => {
      const { instance, stats } = first(world);
      const answer = world.workers.at(instance).generate(LONG);
      void answer.next().catch(() => undefined); // It is left before there is any.
      await turns(15);
      const { numBlocksUsed } = stats();
      expect(numBlocksUsed).toBeGreaterThan(0);
      await answer.return?.();
      world.kill("Prefiller", 1);
      await turns(20);
      expect(stats()).toMatchObject({ numLent: 1, numBlocksUsed });
    }));

  test("is computed where it is decoded when all prefill workers die", () =>
    withWorld({ stepTurns: (isPrefill) => (isPrefill ? 20 : 0) }, async (world) => {
      const { instance, stats } = first(world);
      const answer = ask(world, instance, { request: LONG, hasDied: false });
      await turns(15);
      const gate = Promise.withResolvers<void>();
      world.mayPrefill = gate.promise;
      world.kill("Prefiller", 1);
      world.kill("Prefiller", 2);
      await answer;
      expect(stats().remotePrefillsTotal).toBe(0);
      gate.resolve();
      await turns(30);
      await ask(world, instance, { request: requestOf(promptOf(50, 1)), hasDied: false });
      expect(stats().remotePrefillsTotal).toBe(1);
    }));
});

const someMove = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("ask" as const),
      worker: fc.constantFrom(0, 0, 0, 1), // one has more than it can hold
      length: fc.integer({ min: 1, max: 60 }),
      seed: fc.nat(3),
      maxTokens: fc.integer({ min: 1, max: 25 }),
      leavesAfter: fc.option(fc.nat(8), { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("kill" as const),
      service: fc.constantFrom("Decoder" as const, "Prefiller" as const),
      workerId: fc.integer({ min: 1, max: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("limit" as const),
      length: fc.nat(40),
      size: fc.nat(3),
    }),
  },
);
type Move = typeof someMove extends fc.Arbitrary<infer T> ? T : never;

const someSchedule = fc.record({
  moves: fc.array(fc.tuple(someMove, fc.nat(8)), { minLength: 1, maxLength: 12 }),
  numBlocks: fc.integer({ min: 22, max: 30 }),
  stepTurns: fc.array(fc.nat(6), { minLength: 3, maxLength: 10 }),
});

test(
  "500 schedules of routing, cancel, death and preemption lose no block and no request of the living",
  async () => {
    let numDeaths = 0;
    let numPreemptions = 0;
    let numRemote = 0;
    await fc.assert(
      fc.asyncProperty(someSchedule, async ({ moves, numBlocks, stepTurns }) => {
        let step = 0;
        const options = { numBlocks, stepTurns: () => stepTurns[step++ % stepTurns.length] ?? 0 };
        await withWorld(options, async (world) => {
          const answers: Promise<void>[] = [];
          for (const [move, pause] of moves) {
            const answer = make(world, move);
            if (answer !== undefined) answers.push(answer);
            if (move.type === "kill") numDeaths += 1;
            await turns(pause);
          }
          await Promise.all(answers);
          await settle(world);
          for (const engine of world.engines.values()) {
            numPreemptions += engine.stats().preemptionsTotal;
            numRemote += engine.stats().remotePrefillsTotal;
          }
        });
      }),
      { numRuns: 500 },
    );
    expect(Math.min(numDeaths, numPreemptions, numRemote)).toBeGreaterThan(20);
  },
  hangLimit(60_000),
);

function make(world: World, move: Move): Promise<void> | undefined {
  switch (move.type) {
    case "ask": {
      const { length, seed, maxTokens, leavesAfter } = move;
      const { instances } = world.workers;
      const instance = instances[move.worker % instances.length];
      if (instance === undefined) return undefined;
      const request = requestOf(promptOf(length, seed), {
        stop: { maxTokens },
        sampling: { seed: BigInt(seed) },
      });
      return ask(world, instance, { request, leavesAfter, hasDied: false });
    }
    case "kill":
      return void world.kill(move.service, move.workerId);
    case "limit":
      world.settings.maxLocalPrefillLength = move.length;
      world.settings.maxPrefillQueueSize = move.size;
      return undefined;
  }
}
