// Course of one request: whom its worker's end is held against, how long it waits, and for whom.

import { describe, expect, test } from "bun:test";

import type { ActorEnding } from "../../../src/actor/error.ts";
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
