// Actors on real worker threads.

import { afterEach, beforeEach, expect, test } from "bun:test";

import { Actor } from "../../../src/actor/actor.ts";
import type { Child, ChildSpec, ServiceSpec } from "../../../src/actor/child-spec.ts";
import { ControlPort } from "../../../src/actor/control-port.ts";
import { Supervisor } from "../../../src/actor/supervisor.ts";
import type { SupervisorEvent } from "../../../src/actor/supervisor-event.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";
import { ThreadDialer } from "../../../src/transport/thread/dialer.ts";
import { WorkerHost } from "../../../src/transport/thread/host.ts";
import { channelPair } from "../../actor/in-process-host.ts";
import { collect, failure } from "../../actor/net.ts";
import { hangLimit } from "../../time-limits.ts";

let threads: Threads;
beforeEach(() => {
  threads = new Threads();
});
afterEach(async () => {
  await threads.close();
});

for (const [lanes, numCores] of [
  ["that sleep", 0],
  ["that spin", Infinity],
] as const) {
  test(`calls, streams and large payloads cross real threads over lanes ${lanes}`, async () => {
    threads = new Threads(numCores);
    await threads.start("a", "b");
    expect(await threads.call("a", "echo", { text: "häuser", n: 1n })).toEqual({
      text: "häuser",
      n: 1n,
    });
    const large = { ids: new Int32Array(500_000).map((_, i) => i), text: "x".repeat(200_000) };
    for (let i = 0; i < 5; i++) expect(await threads.call("a", "echo", large)).toEqual(large);
    const items = await collect(threads.call("a", "relay", threads.id("b"), 5000));
    expect(items).toEqual(
      Array.from({ length: 5000 }, (_, i) => ({ i, ids: new Int32Array([i, -i]) })),
    );
  });
}

test("many streams at once across three threads lose and mix nothing", async () => {
  await threads.start("a", "b");
  const streams = Array.from({ length: 50 }, () =>
    collect(threads.call("a", "relay", threads.id("b"), 400)),
  );
  for (const items of await Promise.all(streams)) {
    expect(items.map((item) => (item as { i: number }).i)).toEqual(
      Array.from({ length: 400 }, (_, i) => i),
    );
  }
});

test("an error that crosses threads keeps its message and the stack that it had there", async () => {
  await threads.start("a");
  const error = await failure(threads.call("a", "fail"));
  expect(error).toMatchObject({ code: "internal", message: "out of range here" });
  expect(error.stack).toContain("host.worker.ts");
});

test("a stream that was left is ended on its thread", async () => {
  await threads.start("a");
  for await (const _ of threads.call("a", "count", 1e9)) break;
  await threads.until(async () => (await threads.stats("a")).openStreams === 0);
  expect((await threads.stats("a")).mailboxDepth).toBe(0);
});

test(
  "after a thousand streams that were left at random moments nothing is open on any thread",
  async () => {
    await threads.start("a", "b");
    let seed = 20260101;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed % below;
    };
    for (let batch = 0; batch < 20; batch++) {
      const readers = Array.from({ length: 50 }, async () => {
        const call = threads.call("a", "relay", threads.id("b"), 1000);
        const leaveAt = random(200);
        if (leaveAt === 0) return call.cancel();
        let count = 0;
        for await (const _ of call) if (++count >= leaveAt) break;
      });
      await Promise.all(readers);
    }
    for (const child of ["a", "b"]) {
      await threads.until(async () => (await threads.stats(child)).mailboxDepth === 0);
      expect(await threads.stats(child)).toMatchObject({ mailboxDepth: 0, openStreams: 0 });
    }
  },
  hangLimit(60_000),
);

for (const [name, endpoint, reason] of [
  ["a throw outside of a call", "throw outside", "thrown outside of a call"],
  ["an unhandled rejection", "reject unhandled", "rejected and not handled"],
  ["an exit without a word", "exit", "without a word"],
] as const) {
  test(`${name} ends the actor, fails its callers with the reason, and a new one takes its place`, async () => {
    await threads.start("a", "b");
    const before = threads.id("a");
    const error = await failure(threads.call("a", endpoint));
    expect(error.code).toBe("actor_down");
    expect(error.message).toContain(reason);
    await threads.until(() => threads.id("a") !== before);
    expect(await threads.call("a", "echo", 1)).toBe(1);
    expect(await threads.call("b", "echo", 2)).toBe(2);
  });
}

test("a thread that fails while it starts gives its error as the reason", async () => {
  const error = await failure(
    threads.start({ ...threads.spec("a"), data: () => "throws at once" }),
  );
  expect(error.message).toContain("thrown while starting");
});

test("a thread that spins is killed after its shutdown time, and the others stop as asked", async () => {
  await threads.start("a", { ...threads.spec("b"), stopShare: 0.1 });
  void failure(threads.call("b", "spin"));
  await threads.busy("b");
  await threads.supervisor.stop();
  const ends = threads.events.flatMap((event) => (event.type === "ended" ? [event] : []));
  expect(ends.map(({ child, exit }) => [child, exit.type])).toEqual([
    ["b", "killed"],
    ["a", "normal"],
  ]);
});

test("a killed thread has ended, and its callers hear of it, when the native call that it was in has returned", async () => {
  await threads.start({ ...threads.spec("a"), stopShare: 0.02 });
  const begun = systemClock.now();
  const told = failure(threads.call("a", "native call", 400)).then(() => systemClock.now());
  await threads.busy("a");
  await threads.supervisor.stop();
  const [endedAt, toldAt] = [systemClock.now(), await told];
  expect(threads.events.some(({ type }) => type === "killed")).toBe(true);
  expect(Math.min(endedAt, toldAt) - begun).toBeGreaterThanOrEqual(400);
});

test("a thread sees the host's environment and its own additions", async () => {
  await threads.start({ ...threads.spec("a"), env: { TEST_OF_HOST: "own" } }, "b");
  expect(await threads.call("a", "env")).toBe("own");
  expect(await threads.call("b", "env")).toBe("of all");
});

/** A supervisor over real threads that run host.worker.ts, and an actor on this thread that calls them. */
class Threads {
  readonly events: SupervisorEvent[] = [];
  readonly supervisor: Supervisor;
  readonly #controls = new Map<string, Child & { readonly busy: Promise<void> }>();
  readonly #caller: Actor;

  constructor(numCores = 0) {
    const host = new WorkerHost({
      env: { ...process.env, TEST_OF_HOST: "of all" },
      clock: systemClock,
      entry: new URL("./host.worker.ts", import.meta.url),
      numCores,
    });
    this.supervisor = new Supervisor({
      host,
      clock: systemClock,
      random: () => 0,
      stopMs: 2000,
      onEvent: (event) => void this.events.push(event),
    });
    const [outside, inside] = channelPair();
    const id = host.roster.nextActorId();
    host.roster.attach(id, new ControlPort(outside));
    const control = new ControlPort(inside);
    this.#caller = new Actor({
      id,
      tag: "Test:1",
      control,
      dialer: new ThreadDialer({ control, clock: systemClock }),
      handler: () => undefined,
      maxCalls: 1,
      clock: systemClock,
      log: createLogger("Test:1"),
    });
  }

  spec(id: string): ChildSpec {
    return {
      id,
      tag: id,
      restart: "permanent",
      awaits: "previous",
      data: () => undefined,
      env: {},
      start: async (child) => {
        const { promise: busy, resolve } = Promise.withResolvers<void>();
        child.control.onPush("busy", () => resolve());
        await child.control.request("ready", undefined);
        this.#controls.set(id, { ...child, busy });
      },
    };
  }

  /** Each child is a service of its own. */
  start(...specs: (string | (ChildSpec & Partial<ServiceSpec>))[]): Promise<void> {
    return this.supervisor.start(
      specs.map((given) => {
        const child = typeof given === "string" ? this.spec(given) : given;
        return {
          name: child.id,
          ...{ intensity: 3, periodMs: 5000, heartbeatTimeoutMs: undefined, stopShare: 1 },
          ...child,
          children: [child],
        };
      }),
    );
  }

  id(child: string): number {
    return this.#child(child).id;
  }

  call(child: string, endpoint: string, ...args: unknown[]) {
    return this.#caller.call(this.id(child), endpoint, args);
  }

  /** Resolves once an endpoint that blocks its thread has begun there. */
  busy(child: string): Promise<void> {
    return this.#child(child).busy;
  }

  stats(child: string) {
    return this.#child(child).control.request<{ openStreams: number; mailboxDepth: number }>(
      "stats",
      undefined,
    );
  }

  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) await systemClock.turn();
  }

  async close(): Promise<void> {
    await this.supervisor.stop();
    this.#caller.close();
  }

  #child(name: string) {
    const child = this.#controls.get(name);
    if (child === undefined) throw new Error(`${name} is not ready`);
    return child;
  }
}
