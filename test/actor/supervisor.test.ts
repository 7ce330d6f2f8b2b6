import { expect, test } from "bun:test";

import type { ActorScope } from "../../src/actor/actor-host.ts";
import { ControlPort } from "../../src/actor/control-port.ts";
import {
  type ChildSpec,
  type StopOrder,
  Supervisor,
  type SupervisorEvent,
} from "../../src/actor/supervisor.ts";
import { Switchboard } from "../../src/actor/switchboard.ts";
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
  expect(await stage.supervisor.ended).toBeUndefined();
});

test("a child that awaits nobody starts with the first, and stops in its place", async () => {
  const stage = new Stage();
  await stage.start(spec("a"), spec("b"), spec("c", { awaits: "nobody" }));
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
    spec("b", { awaits: "nobody", begin: () => Promise.reject(new Error("no port")) }),
  );
  starting.catch(() => undefined);
  await stage.settle();
  await stage.clock.advance(5000);
  await expect(starting).rejects.toThrow("b did not start: no port");
});

test("a permanent child is restarted however it ended, a transient one when it failed, a temporary one never", async () => {
  const stage = new Stage({ intensity: 10 });
  await stage.start(
    spec("p"),
    spec("t", { restart: "transient" }),
    spec("x", { restart: "temporary" }),
  );
  stage.thread("p").bye();
  stage.thread("t").bye();
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

test("more restarts than the intensity allows within the period, and the supervisor stops all and says why", async () => {
  const stage = new Stage({ intensity: 3, periodMs: 5000 });
  await stage.start(spec("a"), spec("b"));
  for (let i = 0; i < 4; i++) {
    stage.thread("a").fail(new Error(`failure ${i}`));
    await stage.settle();
  }
  const error = await stage.supervisor.ended;
  expect(error).toMatchObject({ code: "restart_intensity" });
  expect(error?.message).toContain("failure 3");
  expect(stage.host.running.size).toBe(0);
  expect(stage.restarts()).toEqual({ a: 3, b: 0 });
  expect(stage.log.at(-1)).toBe("b stops");
});

test("restarts that are further apart than the period are allowed for ever", async () => {
  const stage = new Stage({ intensity: 1, periodMs: 5000 });
  await stage.start(spec("a"));
  for (let i = 0; i < 10; i++) {
    stage.thread("a").fail(new Error("oh"));
    await stage.settle();
    await stage.clock.advance(5001);
  }
  expect(stage.restarts()).toEqual({ a: 10 });
});

test("a child that fails while it is restarted is tried again until the intensity is used up", async () => {
  const stage = new Stage({ intensity: 3 });
  let isBroken = false;
  const fragile = spec("a", {
    begin: () => (isBroken ? Promise.reject(new Error("still broken")) : Promise.resolve()),
  });
  await stage.start(fragile);
  isBroken = true;
  stage.thread("a").fail(new Error("first"));
  const error = await stage.supervisor.ended;
  expect(error?.message).toContain("still broken");
  expect(stage.restarts()).toEqual({ a: 3 });
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

test("a child that does not stop within its shutdown time is killed, after that time and not before", async () => {
  const stage = new Stage();
  await stage.start(spec("a"), spec("b", { stop: "ignored", shutdownMs: 700 }));
  const stopping = stage.supervisor.stop();
  await stage.clock.advance(699);
  expect([...stage.host.running.keys()]).toEqual(["a", "b"]);
  await stage.clock.advance(1);
  await stopping;
  expect(stage.host.running.size).toBe(0);
  expect(stage.events.filter(({ type }) => type === "killed")).toMatchObject([
    { child: "b", afterMs: 700 },
  ]);
  expect(stage.log.at(-1)).toBe("a stops"); // only then was it a's turn
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
  expect(log).toEqual(["start", "clean up after failed", "clean", "start"]);
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

interface TestSpec extends ChildSpec {
  readonly data: { readonly key: string };
}

interface Behaviour {
  readonly restart: ChildSpec["restart"];
  readonly awaits: ChildSpec["awaits"];
  readonly shutdownMs: number;
  readonly begin: (scope: ActorScope) => Promise<void>;
  readonly stop: "obeyed" | "ignored";
}

const behaviours = new Map<string, Behaviour>();
let lastKey = 0;

function spec(id: string, changes: Partial<Behaviour> = {}): TestSpec {
  const behaviour: Behaviour = {
    restart: "permanent",
    awaits: "those before",
    shutdownMs: 1000,
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
    shutdownMs: behaviour.shutdownMs,
    data: { key },
    env: {},
    start: async ({ control }) => {
      await control.request("begin", undefined);
    },
  };
}

/** A supervisor whose children write into one log. */
class Stage {
  readonly log: string[] = [];
  readonly events: SupervisorEvent[] = [];
  readonly clock = new ManualClock();
  readonly switchboard = new Switchboard(1);
  readonly host = new InProcessHost((scope) => this.#run(scope));
  readonly supervisor: Supervisor;

  constructor(options: { intensity?: number; periodMs?: number } = {}) {
    this.supervisor = new Supervisor({
      host: this.host,
      switchboard: this.switchboard,
      clock: this.clock,
      intensity: options.intensity ?? 3,
      periodMs: options.periodMs ?? 5000,
      onEvent: (event) => void this.events.push(event),
    });
  }

  start(...specs: ChildSpec[]): Promise<void> {
    return this.supervisor.start(specs);
  }

  thread(tag: string): ActorScope {
    const scope = this.host.running.get(tag);
    if (scope === undefined) throw new Error(`${tag} does not run`);
    return scope;
  }

  restarts(): Record<string, number> {
    return Object.fromEntries(this.supervisor.restarts());
  }

  async settle(turns = 10): Promise<void> {
    for (let i = 0; i < turns; i++) await this.clock.turn();
  }

  #run(scope: ActorScope): () => void {
    const { tag, data } = scope.init;
    const behaviour = behaviours.get((data as TestSpec["data"]).key);
    const control = new ControlPort(scope.channel);
    control.onRequest("begin", async () => {
      this.log.push(`${tag} begins`);
      await behaviour?.begin(scope);
      this.log.push(`${tag} ready`);
    });
    control.onPush<StopOrder>("stop", () => {
      if (behaviour?.stop === "ignored") return;
      this.log.push(`${tag} stops`);
      scope.bye();
    });
    return () => control.close("its thread has ended");
  }
}
