import { expect, test } from "bun:test";

import { createLogger } from "../../src/base/log.ts";
import { ServiceManager, withoutManager } from "../../src/cli/service-manager.ts";
import { ManualClock } from "../manual-clock.ts";

function setUp(environment: Record<string, string>, isOpen = true) {
  const clock = new ManualClock();
  const sent: string[] = [];
  const lines: string[] = [];
  const stuck: string[] = [];
  const state = { isBusy: false };
  const send = (text: string) => {
    if (!state.isBusy) sent.push(text);
    return !state.isBusy;
  };
  const manager = new ServiceManager({
    environment,
    pid: 7,
    clock,
    log: createLogger("dynamo", "info", (line) => lines.push(line)),
    open: () => (isOpen ? { send, close: () => {} } : undefined),
    stuck: () => stuck,
  });
  return {
    clock,
    sent,
    lines,
    stuck,
    state,
    manager,
    beats: () => sent.splice(0).filter(isBeat).length,
  };
}

const isBeat = (text: string) => text === "WATCHDOG=1";
const watched = { NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "2000000", WATCHDOG_PID: "7" };

test("without a manager nothing is opened, sent or timed", () => {
  const { manager, sent, clock } = setUp({ WATCHDOG_USEC: "2000000" });
  manager.ready();
  manager.end();
  expect(sent).toEqual([]);
  expect(clock.numTimers).toBe(0);
});

test("a start, its success and a stop are told in order", () => {
  const { manager, sent, clock } = setUp({ NOTIFY_SOCKET: "/n" });
  manager.ready();
  manager.stopping();
  manager.end();
  expect(sent).toEqual(["STATUS=starting", "READY=1\nSTATUS=ready", "STOPPING=1\nSTATUS=stopping"]);
  expect(clock.numTimers).toBe(0);
});

test("a manager that is busy is told again, in order, and one that is gone is given up", async () => {
  const { manager, sent, clock, state } = setUp({ NOTIFY_SOCKET: "/n" });
  state.isBusy = true;
  manager.ready();
  await clock.advance(1000);
  manager.stopping();
  state.isBusy = false;
  await clock.advance(100);
  expect(sent.slice(1)).toEqual(["READY=1\nSTATUS=ready", "STOPPING=1\nSTATUS=stopping"]);
  state.isBusy = true;
  manager.ready();
  await clock.advance(20_000);
  expect(clock.numTimers).toBe(0);
});

test("the watchdog hears twice in each of its periods, until the end", async () => {
  const { clock, manager, beats } = setUp(watched);
  await clock.advance(10_000);
  expect(beats()).toBe(11); // one of them at once
  manager.end();
  await clock.advance(10_000);
  expect(beats()).toBe(0);
});

test("the watchdog hears nothing while an instance is stuck, and the log says it once", async () => {
  const { clock, stuck, beats, lines } = setUp(watched);
  beats();
  stuck.push("VllmWorker:1");
  await clock.advance(10_000);
  expect(beats()).toBe(0);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("VllmWorker:1");
  stuck.pop();
  await clock.advance(2000);
  expect(beats()).toBe(2);
});

test("a watchdog of another process, or one that is off, hears nothing", async () => {
  for (const change of [{ WATCHDOG_PID: "8" }, { WATCHDOG_USEC: "0" }, { WATCHDOG_USEC: "x" }]) {
    const { clock, beats } = setUp({ ...watched, ...change });
    await clock.advance(10_000);
    expect(beats()).toBe(0);
  }
});

test("a socket that cannot be used is a warning and no failure", () => {
  const { manager, lines } = setUp({ NOTIFY_SOCKET: "vsock:2:1" }, false);
  manager.ready();
  manager.end();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("NOTIFY_SOCKET=vsock:2:1");
});

test("services do not see what is the manager's", () => {
  expect(withoutManager({ ...watched, LISTEN_FDS: "1", HOME: "/h" })).toEqual({ HOME: "/h" });
});
