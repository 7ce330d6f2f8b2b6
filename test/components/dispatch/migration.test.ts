// Whatever kills of workers cost, they cost no stream: each is complete, and is what it is without a kill.

import { describe, expect, test } from "bun:test";

import type { CompletionRequest } from "../../../src/protocol/chat.ts";
import { seededRandom } from "../../seeded-random.ts";
import { hangLimit } from "../../time-limits.ts";
import { completion } from "../router/router-deployment.ts";
import { deployWorld, type MigrationWorld, NUM_WORKERS } from "./migration-world.ts";

const NUM_KILLS = Number(process.env["DYNAMO_MIGRATION_KILLS"] ?? 100);
const NUM_STREAMS = 64;
const MAX_TURNS = 20_000;
const LIMIT_MS = 120_000 + 600 * NUM_KILLS;

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

interface Stream {
  readonly text: string;
  readonly numTokens: number;
  readonly finishReason: string | undefined;
  readonly error: unknown;
}

interface OpenStream {
  /** By choice; infinite when it has ended. */
  readonly numTokens: number[];
  isOver: boolean;
  readonly ended: Promise<Stream>;
}

function ask({ door }: MigrationWorld, request: CompletionRequest): OpenStream {
  const read = async (): Promise<Stream> => {
    const texts = new Map<number, string>();
    const reasons = new Map<number, string>();
    let error: unknown;
    let numTokens = 0;
    try {
      for await (const output of door.complete(request)) {
        expect(output.restarts).toBeUndefined();
        numTokens += output.numTokens;
        open.numTokens[output.index] = (open.numTokens[output.index] ?? 0) + output.numTokens;
        texts.set(output.index, (texts.get(output.index) ?? "") + output.text);
        if (output.finishReason === undefined) continue;
        reasons.set(output.index, output.finishReason);
        open.numTokens[output.index] = Infinity;
      }
    } catch (thrown) {
      error = thrown;
    }
    open.isOver = true;
    const joined = (map: ReadonlyMap<number, string>) =>
      [...map]
        .sort(([a], [b]) => a - b)
        .map(([, value]) => value)
        .join("|");
    return { text: joined(texts), numTokens, finishReason: joined(reasons), error };
  };
  const open: OpenStream = {
    numTokens: new Array(request.n).fill(0),
    isOver: false,
    ended: Promise.resolve().then(read),
  };
  return open;
}

/** Every kind of request, some of them with a common beginning. */
function requests(random: () => number): CompletionRequest[] {
  const dice = (sides: number) => Math.floor(random() * sides);
  return Array.from({ length: NUM_STREAMS }, (_, i) => {
    const prompt = `${"a common beginning, ".repeat(i % 3)}${i} ${"x".repeat(dice(60))}`;
    return completion(prompt, {
      ...{ seed: BigInt(i % 4 === 0 ? 0 : i), n: i % 8 === 0 ? 3 : 1 },
      ...{ maxTokens: 40 + dice(60), stream: i % 5 !== 0, tenant: 1 + (i % 3) },
      ...(i % 3 === 1 && { presencePenalty: 0.5, frequencyPenalty: 0.3, repetitionPenalty: 1.2 }),
      ...(i % 6 === 2 && { minTokens: 15 }),
    });
  });
}

/** With a stop string that the request's text has somewhere, over a seam of tokens. */
function stopped(request: CompletionRequest, { text }: Stream, i: number): CompletionRequest {
  const at = 5 + (i % 12);
  const stop = text.slice(at, at + 3);
  return i % 7 === 3 && stop.length === 3 ? { ...request, stop: [stop] } : request;
}

async function serveAll(world: MigrationWorld, asked: readonly CompletionRequest[]) {
  return Promise.all(asked.map((request) => ask(world, request).ended));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Kills in bursts. Between two bursts each open stream gets a token, so that none is killed more often than it may be. */
async function killSome(
  world: MigrationWorld,
  streams: readonly OpenStream[],
  { random, victims }: { readonly random: () => number; readonly victims: readonly string[] },
): Promise<number> {
  const dice = (sides: number) => Math.floor(random() * sides);
  let numKills = 0;
  // Before the first tokens: by order, since a content that never had a token answers for a failure.
  for (let early = dice(3); early > 0; early--) numKills += await kill("order");
  for (let numTurns = 0; streams.some(({ isOver }) => !isOver); numTurns++) {
    if (numTurns > MAX_TURNS) throw new Error(`SEED=${seed}: a stream does not get on`);
    const before = streams.map(({ numTokens }) => [...numTokens]);
    const hasMoved = () => streams.every((stream, i) => stream.isOver || moved(stream, before[i]));
    for (let waited = 0; !hasMoved() && waited < MAX_TURNS; waited++) await turn();
    for (let pause = dice(12); pause > 0; pause--) await turn();
    if (dice(3) === 0) numKills += await kill("failure");
    else for (let burst = 1 + dice(3); burst > 0; burst--) numKills += await kill("order");
  }
  return numKills;

  async function kill(how: "order" | "failure"): Promise<number> {
    const running = victims.filter((one) => world.host.running.has(one));
    const victim = running[dice(running.length)] ?? "";
    if (how === "order") world.host.kill(victim);
    else world.host.running.get(victim)?.fail(new Error("this worker fails by itself"));
    for (let pause = dice(8); pause > 0; pause--) await turn();
    return 1;
  }
}

/** True if each of its choices has a token more, or has ended. */
function moved({ numTokens }: OpenStream, before: readonly number[] = []): boolean {
  return numTokens.every((now, choice) => now > (before[choice] ?? 0) || now === Infinity);
}

const HELD = [
  "dynamo_router_booked_requests",
  "dynamo_router_booked_blocks",
  "dynamo_router_booked_prefill_tokens",
];
const AT_REST = ["dynamo_runtime_mailbox_depth", "dynamo_runtime_open_streams"];

/** Nothing is held or booked, and as many calls and streams are open as were before. */
async function untilAtRest(world: MigrationWorld, atRest?: readonly number[]): Promise<void> {
  let held: unknown;
  for (let attempt = 0; attempt < hangLimit(3000); attempt++) {
    const [booked, open] = [await world.metrics(HELD), await world.metrics(AT_REST)];
    const used = [...world.engines.values()].map((engine) => {
      const { numBlocksUsed, numLent, numRunning, numWaiting } = engine.stats();
      engine.checkIntegrity();
      return numBlocksUsed + numLent + numRunning + numWaiting;
    });
    held = { booked, used, open };
    const wanted = { booked: HELD.map(() => 0), used: new Array(NUM_WORKERS).fill(0) };
    if (Bun.deepEquals(held, { ...wanted, open: atRest ?? open })) return;
    await turn();
  }
  expect(held).toBe(`nothing (SEED=${seed}); at rest ${atRest}`);
}

async function lanes(world: MigrationWorld): Promise<number> {
  return (await world.metrics(["dynamo_runtime_open_lanes"]))[0] ?? 0;
}

interface Case {
  readonly shape: "agg" | "disagg";
  readonly mode: string;
  readonly victims: readonly string[];
}

const WORKERS = Array.from({ length: NUM_WORKERS }, (_, i) => `FakeWorker:${i + 1}`);
const CASES: readonly Case[] = [
  { shape: "agg", mode: "kv", victims: WORKERS },
  { shape: "agg", mode: "round-robin", victims: WORKERS },
  {
    ...{ shape: "disagg", mode: "kv" },
    victims: [...WORKERS, "FakePrefillWorker:1", "FakePrefillWorker:2"],
  },
];

test("a sequence goes on elsewhere also if its client named the worker that has ended", async () => {
  const world = await deployWorld({ shape: "agg" });
  const instances = [...world.engines.keys()];
  const requests = Array.from({ length: 8 }, (_, i) =>
    completion(`prompt ${i}`, { seed: 3n, maxTokens: 200 }),
  );
  const wanted = await serveAll(world, requests);
  const streams = requests.map((request, i) =>
    ask(world, { ...request, backendInstanceId: instances[i % NUM_WORKERS] }),
  );
  while (streams.some(({ numTokens: [count = 0] }) => count < 5)) await turn();
  world.host.kill("FakeWorker:2");
  for (const [i, { ended }] of streams.entries()) {
    expect(await ended).toEqual(wanted[i] as Stream);
  }
  await world.stop();
});

describe("random kills", () => {
  for (const { shape, mode, victims } of CASES) {
    test(
      `of ${shape}, ${mode}: ${NUM_STREAMS} streams at a time are what they are without (SEED=${seed})`,
      async () => {
        const world = await deployWorld({ shape, mode });
        const random = seededRandom(seed);
        const first = requests(random);
        const undisturbed = await serveAll(world, first);
        const asked = first.map((request, i) => stopped(request, undisturbed[i] as Stream, i));
        const wanted = await serveAll(world, asked);
        expect(wanted.filter(({ finishReason }) => finishReason === "stop").length).toBeGreaterThan(
          3,
        );
        await untilAtRest(world);
        const atRest = await world.metrics(AT_REST);
        const numLanes = await lanes(world);
        let numKills = 0;
        for (let round = 0; numKills < NUM_KILLS / CASES.length; round++) {
          const streams = asked.map((request) => ask(world, request));
          numKills += await killSome(world, streams, { random, victims });
          for (const [i, { ended }] of streams.entries()) {
            const { error, ...stream } = await ended;
            expect(error, `SEED=${seed}, stream ${i} of round ${round}`).toBeUndefined();
            expect(stream, `SEED=${seed}, stream ${i}`).toMatchObject(rest(wanted[i] as Stream));
          }
          await untilAtRest(world, atRest);
          expect(await lanes(world)).toBeLessThanOrEqual(numLanes);
        }
        const [numMigrations = 0] = await world.metrics(["dynamo_frontend_model_migration_total"]);
        console.log(`  ${shape}, ${mode}: ${numKills} kills, ${numMigrations} migrations`);
        expect(numMigrations).toBeGreaterThan(numKills);
        await world.stop();
      },
      hangLimit(LIMIT_MS),
    );
  }
});

function rest({ error: _, ...stream }: Stream) {
  return stream;
}
