import { expect, test } from "bun:test";

import type { ActorScope } from "../../src/actor/actor-host.ts";
import type { ChildSpec, ServiceSpec, StopOrder } from "../../src/actor/child-spec.ts";
import { ControlPort } from "../../src/actor/control-port.ts";
import { BEAT, PulseWriter } from "../../src/actor/pulse.ts";
import { type ChildStatus, Supervisor } from "../../src/actor/supervisor.ts";
import type { SupervisorEvent } from "../../src/actor/supervisor-event.ts";

import { ManualClock } from "../manual-clock.ts";
import { InProcessHost } from "./in-process-host.ts";
import { failure } from "./net.ts";

test("children start in order, each ready before the next begins, and stop in reverse", async () => {
  const stage = new Stage();
  await stage.start(spec("a"), spec("b"), spec("c"));
  await stage.supervisor.stop();
  expect(stage.log).toEqual([
    "a begins", "a ready", "b begins", "b ready", "c begins", "c ready",
    "c stops", "b stops", "a stops",
  ]); // biome-ignore format: one line a phase
  await stage.supervisor.ended;
});

test("a child that awaits nobody starts with the first, and stops in its place", async () => {
  const stage = new Stage();
  await stage.start(spec("a"), spec("b"), spec("c", { awaits: "none" }));
  await stage.supervisor.stop();
  expect(stage.log.filter((line) => line.endsWith("begins"))).toEqual([
    "c begins",
    "a begins",
    "b begins",
  ]);
  expect(stage.log.slice(-3)).toEqual(["c stops", "b stops", "a stops"]);
});

test("a failure of one that awaits nobody ends the start at once", async () => {
  const stage = new Stage();
  const never = Promise.withResolvers<void>();
  const starting = stage.start(
    spec("a", { begin: () => never.promise, stop: "ignored" }),
    spec("b", { awaits: "none", begin: () => Promise.reject(new Error("no port")) }),
  );
  starting.catch(() => undefined);
  await stage.settle();
  await stage.clock.advance(5000);
  await expect(starting).rejects.toThrow("b did not start: no port");
});

test("a permanent child is restarted however it ended, a transient one when it failed, a temporary one never", async () => {
  const stage = new Stage();
  await stage.start(
    spec("p"),
    spec("t", { restart: "transient" }),
    spec("x", { restart: "temporary" }),
  );
  stage.thread("p").exit();
  stage.thread("t").exit();
  stage.thread("x").fail(new Error("oh"));
  await stage.settle();
  expect([...stage.host.running.keys()]).toEqual(["p"]);
  expect(stage.restarts()).toEqual({ p: 1, t: 0, x: 0 });

  const again = new Stage();
  await again.start(spec("t", { restart: "transient" }));
  again.thread("t").fail(new Error("oh"));
  await again.settle();
  expect(again.restarts()).toEqual({ t: 1 });
});

test("a restart is a new actor with a new id, and touches no other child", async () => {
  const stage = new Stage();
  await stage.start(spec("a"), spec("b"));
  const before = { a: stage.thread("a").init.id, b: stage.thread("b").init.id };
  const down = stage.switchboard.monitor(before.a);
  stage.thread("a").fail(new Error("oh"));
  expect(await down).toBe("it failed: oh");
  await stage.settle();
  expect(stage.thread("a").init.id).toBeGreaterThan(before.b);
  expect(stage.thread("b").init.id).toBe(before.b);
  expect(stage.switchboard.isAttached(before.a)).toBe(false);
});

test("a child that fails beyond its service's intensity is parked, and tried again ever later, for ever", async () => {
  const stage = new Stage();
  let isBroken = false;
  const fragile = spec("a", {
    begin: () => (isBroken ? Promise.reject(new Error("still broken")) : Promise.resolve()),
  });
  await stage.startServices(service("a", [fragile], { intensity: 3 }));
  isBroken = true;
  stage.thread("a").fail(new Error("first"));
  await stage.settle(60);
  expect(stage.child("a")).toMatchObject({ restarts: 3, isParked: true });
  expect(stage.host.running.size).toBe(0);
  await stage.clock.advance(600_000);
  const parked = stage.eventsOf("parked");
  expect(parked.map(({ delayMs }) => delayMs).slice(0, 9)).toEqual([
    100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
  ]);
  expect(parked[0]).toMatchObject({ child: "a", service: "a", attempt: 1 });
  expect(parked.every(({ cause }) => cause.message === "still broken")).toBe(true);
  expect(stage.child("a").restarts).toBeGreaterThan(60);
  const [served, ...neverReady] = stage.eventsOf("ended");
  expect(served?.wasReady).toBe(true);
  expect(neverReady.some(({ wasReady }) => wasReady)).toBe(false);

  isBroken = false;
  await stage.clock.advance(10_000);
  expect(stage.child("a").isParked).toBe(false);
  expect([...stage.host.running.keys()]).toEqual(["a"]);
  stage.thread("a").fail(new Error("another cause"));
  await stage.settle(60);
  expect(stage.eventsOf("ended").at(-1)?.wasReady).toBe(true);
  await stage.supervisor.stop();
  expect(stage.clock.numTimers).toBe(0);
});

test("a budget is a service's own: its spending parks no child of another, and no child that lives", async () => {
  const stage = new Stage();
  await stage.startServices(
    service("A", [spec("A:1"), spec("A:2")], { intensity: 2 }),
    service("B", [spec("B:1")], { intensity: 2 }),
  );
  const living = { a2: stage.thread("A:2").init.id, b1: stage.thread("B:1").init.id };
  for (let i = 0; i < 3; i++) await stage.fail("A:1");
  expect(stage.child("A:1").isParked).toBe(true);
  expect(stage.thread("A:2").init.id).toBe(living.a2);
  expect(stage.thread("B:1").init.id).toBe(living.b1);
  await stage.fail("A:2"); // its service has nothing left
  expect(stage.child("A:2").isParked).toBe(true);
  for (let i = 0; i < 2; i++) await stage.fail("B:1");
  expect(stage.children()).toEqual({
    "A:1": { restarts: 2, isParked: true },
    "A:2": { restarts: 0, isParked: true },
    "B:1": { restarts: 2, isParked: false },
  });
});

test("a parked child that fails again goes on where its delays were; one that lives for a period begins anew", async () => {
  const stage = new Stage();
  await stage.startServices(service("a", [spec("a")], { intensity: 1, periodMs: 5000 }));
  await stage.fail("a");
  await stage.fail("a");
  await stage.clock.advance(100);
  await stage.clock.advance(4000); // it runs, but for less than the period
  await stage.fail("a");
  await stage.clock.advance(200);
  await stage.clock.advance(4999);
  expect(stage.eventsOf("recovered")).toEqual([]);
  await stage.clock.advance(1);
  expect(stage.eventsOf("recovered")).toMatchObject([{ child: "a", attempt: 2 }]);
  await stage.fail("a");
  await stage.fail("a");
  expect(stage.eventsOf("parked").map(({ delayMs }) => delayMs)).toEqual([100, 200, 100]);
});

test("delays of parked children are spread, and never above the largest", async () => {
  const stage = new Stage({ random: () => 1 });
  await stage.startServices(service("a", [spec("a")], { intensity: 0, periodMs: 60_000 }));
  for (let i = 0; i < 10; i++) {
    await stage.fail("a");
    await stage.clock.advance(10_000);
  }
  const delays = stage.eventsOf("parked").map(({ delayMs }) => delayMs);
  expect(delays.slice(0, 3)).toEqual([125, 250, 500]);
  expect(Math.max(...delays)).toBe(10_000);
});

test("a stop does not wait for a parked child, and starts it no more", async () => {
  const stage = new Stage();
  await stage.startServices(service("a", [spec("a")], { intensity: 0 }), service("b", [spec("b")]));
  await stage.fail("a");
  await stage.supervisor.stop();
  await stage.clock.advance(60_000);
  expect(stage.host.running.size).toBe(0);
  expect(stage.child("a").restarts).toBe(0);
});

test("restarts that are further apart than the period are allowed at once for ever", async () => {
  const stage = new Stage();
  await stage.startServices(service("a", [spec("a")], { intensity: 1, periodMs: 5000 }));
  for (let i = 0; i < 10; i++) {
    await stage.fail("a");
    await stage.clock.advance(5001);
  }
  expect(stage.child("a")).toMatchObject({ restarts: 10, isParked: false });
  expect(stage.eventsOf("parked")).toEqual([]);
});

test("a child that does not start for the first time stops what was started, and its error is the answer", async () => {
  const stage = new Stage();
  const broken = spec("b", { begin: () => Promise.reject(new Error("no such port")) });
  const error = await failure(stage.start(spec("a"), broken, spec("c")));
  expect(error).toMatchObject({ code: "child_start", message: "b did not start: no such port" });
  expect(stage.host.running.size).toBe(0);
  expect(stage.log).toEqual(["a begins", "a ready", "b begins", "a stops"]);
});

test("a child whose thread fails before it is ready gives that failure as the reason", async () => {
  const stage = new Stage();
  const crashing = spec("a", {
    begin: (scope) => {
      scope.fail(new TypeError("undefined is not a graph"));
      return new Promise(() => {});
    },
  });
  const error = await failure(stage.start(crashing));
  expect(error.message).toBe("a did not start: undefined is not a graph");
});

test("a service that does not stop within its share is killed, after that time and not before", async () => {
  const stage = new Stage({ stopMs: 1000 });
  await stage.startServices(
    service("a", [spec("a")]),
    service("b", [spec("b", { stop: "ignored" })], { stopShare: 0.7 }),
  );
  const stopping = stage.supervisor.stop();
  await stage.clock.advance(699);
  expect([...stage.host.running.keys()]).toEqual(["a", "b"]);
  await stage.clock.advance(1);
  await stopping;
  expect(stage.host.running.size).toBe(0);
  expect(stage.eventsOf("killed")).toMatchObject([{ child: "b", afterMs: 700 }]);
  expect(stage.log.at(-1)).toBe("a stops"); // only then was it a's turn
  expect(stage.orders.get("a")).toBe(300);
});

test("the children of a service stop together, and time that a service does not need is the next one's", async () => {
  const stage = new Stage({ stopMs: 4000 });
  const workers = ["w1", "w2", "w3", "w4"].map((id) => spec(id));
  await stage.startServices(
    service("w", workers),
    service("door", [spec("door")], { stopShare: 0.6 }),
  );
  await stage.supervisor.stop();
  expect(stage.orders.get("door")).toBe(2400);
  for (const { id } of workers) expect(stage.orders.get(id)).toBe(4000);
  expect(stage.eventsOf("killed")).toEqual([]);
});

test("a stop while children start stops what there is and fails the start", async () => {
  const stage = new Stage();
  const slow = spec("b", { begin: () => new Promise(() => {}) });
  const starting = failure(stage.start(spec("a"), slow, spec("c")));
  await stage.settle();
  const stopping = stage.supervisor.stop();
  await stopping;
  expect((await starting).code).toBe("child_start");
  expect(stage.host.running.size).toBe(0);
  expect(stage.log).not.toContain("c begins");
});

test("a stop while a child is down does not restart it", async () => {
  const stage = new Stage();
  await stage.start(spec("a"), spec("b"));
  stage.thread("b").fail(new Error("oh"));
  await stage.supervisor.stop();
  await stage.settle();
  expect(stage.host.running.size).toBe(0);
});

test("what a child leaves behind is cleaned up after its thread has ended and before the next one begins", async () => {
  const stage = new Stage();
  const log: string[] = [];
  await stage.start({
    ...spec("a"),
    start: async ({ control }) => {
      log.push("start");
      await control.request("begin", undefined);
    },
    ended: async (_, exit) => {
      log.push(`clean up after ${exit.type}`);
      await stage.settle();
      log.push("clean");
    },
  });
  stage.thread("a").fail(new Error("oh"));
  await stage.settle(60);
  expect(log).toEqual(["start", "clean up after error", "clean", "start"]);
});

test("all that happens is told as events", async () => {
  const stage = new Stage();
  await stage.start(spec("a"));
  stage.thread("a").fail(new Error("oh"));
  await stage.settle();
  await stage.supervisor.stop();
  expect(stage.events.map(({ type }) => type)).toEqual([
    "started",
    "ended",
    "restarting",
    "started",
    "ended",
  ]);
});

test("a child that answers no ping for the timeout hangs: it is named, killed and restarted", async () => {
  const stage = new Stage();
  const silent = spec("a");
  await stage.startServices(
    service("a", [silent, spec("b")], { heartbeatTimeoutMs: 1600 }),
    service("c", [spec("c")]),
  );
  const before = ["a", "b", "c"].map((id) => stage.thread(id).init.id);
  const down = stage.switchboard.monitor(before[0] ?? 0);
  await stage.clock.advance(10_000);
  new PulseWriter(stage.thread("a").init.pulse).enter("spin");
  stage.hang("a");
  await stage.clock.advance(1600);
  expect(stage.eventsOf("hung")).toEqual([]);
  await stage.clock.advance(100);
  expect(stage.eventsOf("hung")).toMatchObject([{ child: "a", forMs: 1600, endpoint: "spin" }]);
  expect(await down).toContain("it hung");
  await stage.settle();
  expect(stage.eventsOf("ended")).toMatchObject([
    { child: "a", exit: { type: "timeout", afterMs: 1600 } },
  ]);
  expect(stage.thread("a").init.id).not.toBe(before[0]);
  expect(["b", "c"].map((id) => stage.thread(id).init.id)).toEqual(before.slice(1));
  expect(stage.child("a").restarts).toBe(1);
  await stage.supervisor.stop();
  expect(stage.clock.numTimers).toBe(0);
});

test("a child that begins to answer again before the timeout is left alone", async () => {
  const stage = new Stage();
  await stage.startServices(service("a", [spec("a")], { heartbeatTimeoutMs: 1600 }));
  for (let i = 0; i < 5; i++) {
    stage.hang("a");
    await stage.clock.advance(1600);
    stage.revive("a");
    await stage.clock.advance(200);
  }
  expect(stage.eventsOf("hung")).toEqual([]);
});

test("time in which the supervisor had no ticks blames nobody", async () => {
  const stage = new Stage();
  await stage.startServices(service("a", [spec("a")], { heartbeatTimeoutMs: 1600 }));
  stage.hang("a");
  await stage.clock.advance(1500);
  stage.clock.jump(40_000); // the process was stopped and continued, or the machine slept
  await stage.clock.advance(0);
  expect(stage.eventsOf("hung")).toEqual([]);
  stage.revive("a");
  await stage.clock.advance(1600);
  expect(stage.eventsOf("hung")).toEqual([]);
});

test("a child whose work goes on where it cannot answer is judged by that", async () => {
  const stage = new Stage();
  let steps: number | undefined = 0;
  const native = { ...spec("a"), progress: () => steps };
  await stage.startServices(service("a", [native], { heartbeatTimeoutMs: 1600 }));
  stage.hang("a");
  for (let i = 0; i < 50; i++) {
    steps++;
    await stage.clock.advance(1000);
  }
  expect(stage.eventsOf("hung")).toEqual([]);
  await stage.clock.advance(1700); // the steps stand still
  expect(stage.eventsOf("hung")).toHaveLength(1);
  await stage.settle();

  steps = undefined; // nothing is under way there
  stage.hang("a");
  await stage.clock.advance(1800);
  expect(stage.eventsOf("hung")).toHaveLength(2);
});

test("a child is not watched before it is ready, nor while it stops", async () => {
  const stage = new Stage({ stopMs: 60_000 });
  const begun = Promise.withResolvers<void>();
  const slow = spec("a", { begin: () => begun.promise, stop: "ignored" });
  const starting = stage.startServices(service("a", [slow], { heartbeatTimeoutMs: 100 }));
  stage.hang("a");
  await stage.clock.advance(5000);
  begun.resolve();
  stage.revive("a");
  await starting;
  stage.hang("a");
  const stopping = stage.supervisor.stop();
  await stage.clock.advance(59_000);
  expect(stage.eventsOf("hung")).toEqual([]);
  await stage.clock.advance(1000);
  await stopping;
});

test("a hung child that does not end even when killed fails its callers at once, and is replaced when it has ended", async () => {
  const stage = new Stage();
  await stage.startServices(service("a", [spec("a")], { heartbeatTimeoutMs: 1600 }));
  const { id } = stage.thread("a").init;
  const down = stage.switchboard.monitor(id);
  stage.host.holdKills();
  stage.hang("a");
  await stage.clock.advance(1700);
  await stage.clock.advance(2000);
  expect(stage.eventsOf("stuck")).toMatchObject([{ child: "a", id }]);
  expect(stage.supervisor.children()).toMatchObject([{ id: "a", isStuck: true }]);
  expect(await down).toContain("it hung");
  expect(stage.child("a").restarts).toBe(0);
  stage.host.releaseKills();
  await stage.settle();
  expect(stage.child("a").restarts).toBe(1);
  expect(stage.thread("a").init.id).not.toBe(id);
});

interface TestSpec extends ChildSpec {
  readonly data: () => { readonly key: string };
}

interface Behaviour {
  readonly restart: ChildSpec["restart"];
  readonly awaits: ChildSpec["awaits"];
  readonly begin: (scope: ActorScope) => Promise<void>;
  readonly stop: "obeyed" | "ignored";
}

const behaviours = new Map<string, Behaviour>();
let lastKey = 0;

function spec(id: string, changes: Partial<Behaviour> = {}): TestSpec {
  const behaviour: Behaviour = {
    restart: "permanent",
    awaits: "previous",
    begin: () => Promise.resolve(),
    stop: "obeyed",
    ...changes,
  };
  const key = String(++lastKey);
  behaviours.set(key, behaviour);
  return {
    id,
    tag: id,
    restart: behaviour.restart,
    awaits: behaviour.awaits,
    data: () => ({ key }),
    env: {},
    start: async ({ control }) => {
      await control.request("begin", undefined);
    },
  };
}

function service(
  name: string,
  children: readonly ChildSpec[],
  changes: Partial<ServiceSpec> = {},
): ServiceSpec {
  return {
    name,
    ...{ intensity: 3, periodMs: 5000, heartbeatTimeoutMs: undefined, stopShare: 1, children },
    ...changes,
  };
}

test("a child that is drained ends, is not started again, and stays so", async () => {
  const stage = new Stage();
  await stage.start(spec("a"), spec("b"));
  expect(stage.supervisor.drain("a", 5000)).toBe("draining");
  await stage.settle();
  expect(stage.orders.get("a")).toBe(5000);
  expect(stage.supervisor.drain("a", 5000)).toBe("drained");
  await stage.clock.advance(60_000);
  expect(stage.host.running.has("a")).toBe(false);
  expect(stage.host.running.has("b")).toBe(true);
  expect(stage.restarts()).toEqual({ a: 0, b: 0 });
  expect(stage.eventsOf("drained")).toHaveLength(1);
  await stage.supervisor.stop();
});

test("a drain that takes too long ends with a kill, and no restart", async () => {
  const stage = new Stage();
  await stage.start(spec("a", { stop: "ignored" }));
  stage.supervisor.drain("a", 5000);
  await stage.clock.advance(5000);
  await stage.settle();
  expect(stage.eventsOf("killed")).toHaveLength(1);
  expect(stage.supervisor.drain("a", 5000)).toBe("drained");
  expect(stage.restarts()).toEqual({ a: 0 });
});

test("a drain of a child that is not there, or not ready, is refused", async () => {
  const stage = new Stage();
  const ready = Promise.withResolvers<void>();
  const starting = stage.start(spec("a"), spec("b", { begin: () => ready.promise }));
  await stage.settle();
  expect(() => stage.supervisor.drain("c", 1)).toThrow('there is no instance "c"; there are: a, b');
  expect(() => stage.supervisor.drain("b", 1)).toThrow("b is starting");
  ready.resolve();
  await starting;
});

test("a stop gives a child that is not ready half a second", async () => {
  const stage = new Stage({ stopMs: 60_000 });
  const never = Promise.withResolvers<void>();
  const starting = stage.start(
    spec("a"),
    spec("b", { begin: () => never.promise, stop: "ignored" }),
  );
  starting.catch(() => undefined);
  await stage.settle();
  const stopped = stage.supervisor.stop();
  await stage.settle();
  expect(stage.orders.get("b")).toBe(500);
  await stage.clock.advance(500);
  await stopped;
});

/** A supervisor whose children write into one log. */
class Stage {
  readonly log: string[] = [];
  /** Child to the time that its stop order gave it. */
  readonly orders = new Map<string, number>();
  readonly events: SupervisorEvent[] = [];
  readonly clock = new ManualClock();
  readonly host = new InProcessHost((scope) => this.#run(scope));
  readonly switchboard = this.host.roster;
  readonly supervisor: Supervisor;
  readonly #hanging = new Set<string>();
  readonly #pinged = new Map<string, () => void>();

  constructor(options: { stopMs?: number; random?: () => number } = {}) {
    this.supervisor = new Supervisor({
      host: this.host,
      clock: this.clock,
      random: options.random ?? (() => 0),
      stopMs: options.stopMs ?? 1000,
      onEvent: (event) => void this.events.push(event),
    });
  }

  /** Each child is a service of its own. */
  start(...specs: ChildSpec[]): Promise<void> {
    return this.startServices(...specs.map((spec) => service(spec.id, [spec])));
  }

  startServices(...services: ServiceSpec[]): Promise<void> {
    return this.supervisor.start(services);
  }

  thread(tag: string): ActorScope {
    const scope = this.host.running.get(tag);
    if (scope === undefined) throw new Error(`${tag} does not run`);
    return scope;
  }

  async fail(tag: string): Promise<void> {
    this.thread(tag).fail(new Error("oh"));
    await this.settle();
  }

  /** Its event loop turns no more, until it is revived or ends. */
  hang(tag: string): void {
    this.#hanging.add(tag);
  }

  revive(tag: string): void {
    this.#hanging.delete(tag);
    this.#pinged.get(tag)?.();
  }

  eventsOf<T extends SupervisorEvent["type"]>(type: T): Extract<SupervisorEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<SupervisorEvent, { type: T }> => {
      return event.type === type;
    });
  }

  child(id: string): ChildStatus {
    const child = this.supervisor.children().find((one) => one.id === id);
    if (child === undefined) throw new Error(`there is no ${id}`);
    return child;
  }

  children(): Record<string, Pick<ChildStatus, "restarts" | "isParked">> {
    return Object.fromEntries(
      this.supervisor.children().map(({ id, restarts, isParked }) => [id, { restarts, isParked }]),
    );
  }

  restarts(): Record<string, number> {
    return Object.fromEntries(this.supervisor.children().map(({ id, restarts }) => [id, restarts]));
  }

  async settle(turns = 10): Promise<void> {
    for (let i = 0; i < turns; i++) await this.clock.turn();
  }

  #run(scope: ActorScope): () => void {
    const { tag, data, pulse: memory } = scope.init;
    const behaviour = behaviours.get((data as ReturnType<TestSpec["data"]>).key);
    const control = new ControlPort(scope.channel);
    const pulse = new PulseWriter(memory);
    this.#hanging.delete(tag);
    control.onRequest("begin", async () => {
      this.log.push(`${tag} begins`);
      await behaviour?.begin(scope);
      this.log.push(`${tag} ready`);
    });
    control.onPush(BEAT, () => {
      if (this.#hanging.has(tag)) this.#pinged.set(tag, () => pulse.beat());
      else pulse.beat();
    });
    control.onPush<StopOrder>("stop", ({ deadlineMs }) => {
      this.orders.set(tag, deadlineMs);
      if (behaviour?.stop === "ignored") return;
      this.log.push(`${tag} stops`);
      scope.exit();
    });
    return () => control.close("its thread has ended");
  }
}
