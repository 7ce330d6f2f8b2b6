// Course of one request: whom its worker's end is held against, how long it waits, and for whom.

import { describe, expect, test } from "bun:test";

import { NoWorkersError } from "dynamo";

import type { ActorEnding } from "../../../src/actor/error.ts";
import { DynamoError, type ErrorDetails } from "../../../src/base/error.ts";
import { Dispatcher } from "../../../src/components/dispatch/dispatch.ts";
import { Quarantine } from "../../../src/components/dispatch/quarantine.ts";
import { ManualClock } from "../../manual-clock.ts";
import { hangLimit } from "../../time-limits.ts";
import { type Answer, type Asked, Cluster } from "./poisoned-cluster.ts";

const HONEST: Asked = {
  ...{ content: 1n, numTokens: 2, isPoison: false, isStream: true, leaves: false },
};
const POISON: Asked = { ...HONEST, content: 2n, isPoison: true };

/** Everything is run, at once. */
const EAGER = () => 0.9;

async function turns(cluster: Cluster, count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await cluster.clock.turn();
}

/** Runs all workers until the answer is there. */
async function serve(cluster: Cluster, answer: Promise<Answer>): Promise<Answer> {
  let isThere = false;
  void answer.then(() => {
    isThere = true;
  });
  for (let turn = 0; turn < hangLimit(10_000) && !isThere; turn++) {
    for (const worker of cluster.workers) cluster.run(worker);
    cluster.look();
    await cluster.clock.turn();
  }
  return answer;
}

describe("a worker's end", () => {
  async function endWith(asked: readonly Asked[], ended: ActorEnding) {
    const cluster = new Cluster(1, EAGER);
    const answers = asked.map((one) => cluster.ask(one));
    await turns(cluster);
    for (const worker of cluster.workers) cluster.end(worker, ended);
    cluster.look();
    const codes = [];
    for (const answer of answers) codes.push((await serve(cluster, answer)).code);
    return codes;
  }

  for (const ended of ["failed", "hung"] as const) {
    test(`is held against the only content that had no token, if it ${ended}`, async () => {
      expect(await endWith([HONEST], ended)).toEqual(["request_kills_workers"]);
    });

    test(`counts the choices of a request as one content, if it ${ended}`, async () => {
      const codes = await endWith([HONEST, HONEST, HONEST], ended);
      expect(new Set(codes)).toEqual(new Set(["request_kills_workers"]));
    });
  }

  test("is held against no request if it was ordered", async () => {
    expect(await endWith([HONEST], "ordered")).toEqual([undefined]);
  });

  test("costs the innocents among several nothing", async () => {
    const other = { ...HONEST, content: 3n };
    expect(await endWith([HONEST, other, POISON], "failed")).toEqual([
      undefined,
      undefined,
      "request_kills_workers",
    ]);
  });

  test("is not held against a content that has its token", async () => {
    const cluster = new Cluster(1, EAGER);
    const begun = cluster.ask(HONEST);
    await turns(cluster);
    for (const worker of cluster.workers) cluster.run(worker);
    await turns(cluster);
    for (const worker of cluster.workers) cluster.end(worker, "failed");
    expect(await begun).toMatchObject({ code: "actor_down", tokens: [0] });
    expect(cluster.condemned).toEqual([]);
  });

  test("is remembered for ten minutes", async () => {
    const cluster = new Cluster(1, EAGER);
    await serve(cluster, cluster.ask(POISON));
    expect(cluster.numDeaths).toBe(1);
    await cluster.clock.advance(10 * 60_000 - 1);
    expect((await cluster.ask(POISON)).code).toBe("request_kills_workers");
    await cluster.clock.advance(1);
    expect(await serve(cluster, cluster.ask({ ...POISON, isPoison: false }))).toMatchObject({
      code: undefined,
    });
    expect(cluster.numDeaths).toBe(1);
  });

  test("is held against a request whose client has left meanwhile", async () => {
    const cluster = new Cluster(1, EAGER);
    const left = cluster.ask({ ...POISON, leaves: true });
    await turns(cluster);
    for (const worker of cluster.workers) cluster.run(worker);
    expect((await left).code).toBe("left");
    await turns(cluster);
    expect(cluster.condemned).toEqual([POISON.content]);
    expect(cluster.quarantine.numOpen).toBe(0);
  });
});

describe("a sequence that migrates", () => {
  const LONG: Asked = { ...HONEST, numTokens: 6 };
  const TOKENS = [0, 1, 2, 3, 4, 5];

  /** It has `numTokens` tokens from the only worker. */
  async function begun(asked: Asked, numTokens: number) {
    const cluster = new Cluster(1, EAGER);
    cluster.migrationLimit = 3;
    const answer = cluster.ask(asked);
    await turns(cluster);
    for (let i = 0; i < numTokens; i++) {
      for (const worker of cluster.workers) cluster.run(worker);
      await turns(cluster);
    }
    return { cluster, answer };
  }

  async function endAll(cluster: Cluster, ended: ActorEnding): Promise<void> {
    for (const worker of cluster.workers) cluster.end(worker, ended);
    await turns(cluster);
    cluster.look();
    await turns(cluster);
  }

  for (const isStream of [true, false]) {
    test(`goes on behind its last token, stream ${isStream}`, async () => {
      const { cluster, answer } = await begun({ ...LONG, isStream }, 2);
      await endAll(cluster, "failed");
      expect(await serve(cluster, answer)).toMatchObject({ tokens: TOKENS, numTries: 2 });
      expect(cluster.migrations).toEqual(["ongoing_request"]);
      expect(cluster.quarantine.numOpen).toBe(0);
    });
  }

  test("is not begun anew if its last token had come when its worker ended", async () => {
    const { cluster, answer } = await begun(LONG, 5);
    for (const worker of cluster.workers) {
      cluster.run(worker);
      cluster.end(worker, "failed");
    }
    expect(await answer).toMatchObject({ tokens: TOKENS, code: undefined, numTries: 1 });
  });

  test("may do so as often as there is a token in between", async () => {
    const { cluster, answer } = await begun(LONG, 1);
    for (let i = 0; i < 4; i++) {
      await endAll(cluster, "failed");
      for (const worker of cluster.workers) cluster.run(worker);
      await turns(cluster);
    }
    expect(await serve(cluster, answer)).toMatchObject({ tokens: TOKENS, numTries: 5 });
  });

  test("does so migration-limit times without a token in between, then its client is told", async () => {
    const { cluster, answer } = await begun(LONG, 1);
    for (let i = 0; i < 3; i++) await endAll(cluster, "ordered");
    expect(cluster.migrations.length).toBe(3);
    await endAll(cluster, "ordered");
    expect(await answer).toMatchObject({ tokens: [0], code: "actor_down", numTries: 4 });
  });

  test("goes to any worker, also if the one that ended was asked for", async () => {
    const { cluster, answer } = await begun({ ...LONG, wanted: 1 }, 2);
    await endAll(cluster, "failed");
    expect(await serve(cluster, answer)).toMatchObject({ tokens: TOKENS, code: undefined });
  });

  test("tells how its worker ended if there is no other in time", async () => {
    const { cluster, answer } = await begun(LONG, 2);
    for (const worker of cluster.workers) cluster.end(worker, "failed");
    await turns(cluster);
    await cluster.clock.advance(2000);
    expect(await answer).toMatchObject({ tokens: [0, 1], code: "actor_down" });
  });

  test("is not condemned by one death that it was alone at", async () => {
    const { cluster, answer } = await begun(LONG, 2);
    await endAll(cluster, "failed");
    await endAll(cluster, "failed");
    expect(cluster.condemned).toEqual([]);
    expect(await serve(cluster, answer)).toMatchObject({ tokens: TOKENS, code: undefined });
  });

  test("costs three workers if it kills at one of its tokens", async () => {
    const { cluster, answer } = await begun({ ...LONG, isPoison: true, killsAfter: 2 }, 2);
    expect(await serve(cluster, answer)).toMatchObject({
      ...{ tokens: [0, 1], code: "request_kills_workers", numTries: 3 },
    });
    expect(cluster.numDeaths).toBe(3);
  });

  test("is given up when sixteen workers have died with it, each after a token", async () => {
    const { cluster, answer } = await begun({ ...LONG, numTokens: 30 }, 1);
    for (let i = 0; i < 16; i++) {
      await endAll(cluster, "failed");
      for (const worker of cluster.workers) cluster.run(worker);
      await turns(cluster);
    }
    expect(await answer).toMatchObject({ code: "actor_down", numTries: 16 });
  });

  test("is not given up when workers die by order", async () => {
    const { cluster, answer } = await begun({ ...LONG, numTokens: 30 }, 1);
    for (let i = 0; i < 25; i++) {
      await endAll(cluster, "ordered");
      for (const worker of cluster.workers) cluster.run(worker);
      await turns(cluster);
    }
    expect(await serve(cluster, answer)).toMatchObject({ code: undefined, numTries: 26 });
  });

  test("costs those beside it nothing if it kills at one of its tokens", async () => {
    const cluster = new Cluster(4, EAGER);
    cluster.migrationLimit = 3;
    const honest = Array.from({ length: 12 }, (_, i) =>
      cluster.ask({ ...LONG, content: BigInt(10 + i) }),
    );
    const poison = cluster.ask({ ...LONG, content: 2n, isPoison: true, killsAfter: 2 });
    expect((await serve(cluster, poison)).code).toBe("request_kills_workers");
    for (const answer of honest) {
      expect(await serve(cluster, answer)).toMatchObject({ tokens: TOKENS, code: undefined });
    }
    expect(cluster.numDeaths).toBeLessThanOrEqual(3);
  });
});

describe("without a worker", () => {
  test("a request waits for one, and no longer than it may", async () => {
    const cluster = new Cluster(0, EAGER);
    const answer = cluster.ask(HONEST);
    let code: string | undefined = "none yet";
    void answer.then((it) => {
      ({ code } = it);
    });
    await cluster.clock.advance(1999);
    expect(code).toBe("none yet");
    await cluster.clock.advance(1);
    expect((await answer).code).toBe("no_workers");
    expect(cluster.clock.numTimers).toBe(0);
  });

  test("one that comes in time serves it", async () => {
    const cluster = new Cluster(0, EAGER);
    const answer = cluster.ask(HONEST);
    await cluster.clock.advance(1500);
    cluster.spawn();
    expect(await serve(cluster, answer)).toMatchObject({ code: undefined, tokens: [0, 1] });
  });

  test("a client that leaves does not wait on", async () => {
    const cluster = new Cluster(0, EAGER);
    const left = Promise.withResolvers<void>();
    const answer = cluster.ask(HONEST, left.promise);
    await turns(cluster);
    left.resolve();
    expect((await answer).code).toBe("cancelled");
    expect(cluster.quarantine.numOpen).toBe(0);
  });
});

describe("a worker whose queue is full", () => {
  class FullError extends DynamoError {
    override readonly code = "queue_full";
  }

  /** A dispatcher of workers that refuse, each with a time after which to come again; 0 serves. */
  function refusing(retryAfters: readonly number[], details: ErrorDetails = {}) {
    const clock = new ManualClock();
    const quarantine = new Quarantine({ clock, onCondemned() {} });
    quarantine.setLive([...retryAfters.keys()]);
    const dispatcher = new Dispatcher({ clock, quarantine, service: "W", waitMs: () => 1000 });
    const asked: number[] = [];
    const left = Promise.withResolvers<void>();
    async function* begin(worker: number) {
      asked.push(worker);
      const retryAfter = retryAfters[worker] ?? 0;
      if (retryAfter > 0) throw new FullError("full", { retry_after_s: retryAfter, ...details });
      yield { index: 0 };
    }
    const run = (wanted?: number) =>
      Array.fromAsync(
        dispatcher.run<{ index: number }>({
          ...{ content: 1n, wanted, hasSent: () => false, left: left.promise },
          async choose({ instance, avoid }) {
            await clock.turn();
            const worker = instance ?? [...retryAfters.keys()].find((one) => !avoid.includes(one));
            if (worker === undefined) throw new NoWorkersError("W");
            return {
              ...{ instance: worker, begin: () => begin(worker), firstToken() {}, release() {} },
              async ping() {},
            };
          },
        }),
      );
    return { run, asked, quarantine, leave: left.resolve };
  }

  test("has its requests go to the others", async () => {
    const { run, asked } = refusing([3, 4, 0]);
    expect(await run()).toEqual([{ index: 0 }]);
    expect(asked).toEqual([0, 1, 2]);
  });

  test("is one of many: the client is told the shortest time", async () => {
    const { run, asked, quarantine } = refusing([7, 2, 5]);
    await expect(run()).rejects.toMatchObject({
      code: "queue_full",
      details: { retry_after_s: 2 },
    });
    expect(asked).toEqual([0, 1, 2]);
    expect(quarantine.numOpen).toBe(0);
  });

  test("has the last word for a client that asks for it, and for one that has waited there", async () => {
    const one = refusing([3, 0]);
    await expect(one.run(0)).rejects.toMatchObject({ code: "queue_full" });
    expect(one.asked).toEqual([0]);
    const waited = refusing([3, 0], { has_waited: true });
    await expect(waited.run()).rejects.toMatchObject({ code: "queue_full" });
    expect(waited.asked).toEqual([0]);
  });

  test("is not asked for a client that left while its worker was chosen", async () => {
    const { run, asked, leave } = refusing([0]);
    const answer = run();
    leave();
    await expect(answer).rejects.toMatchObject({ code: "cancelled" });
    expect(asked).toEqual([]);
  });
});
