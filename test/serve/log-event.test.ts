import { expect, test } from "bun:test";

import { createLogger } from "../../src/base/log.ts";
import { logEvent } from "../../src/serve/log-event.ts";

function logger() {
  const lines: string[] = [];
  return { lines, log: createLogger("main", "info", (line) => lines.push(line)) };
}

const parked = {
  ...({ type: "parked", child: "Worker:1", service: "Worker", delayMs: 10_000 } as const),
  limits: { intensity: 10, periodMs: 60_000 },
  cause: new Error("no such file"),
};

test("a child that is parked for ever has one line with the cause and the cure, then ever fewer", () => {
  const { lines, log } = logger();
  for (let attempt = 1; attempt <= 1000; attempt++) {
    logEvent(log, { ...parked, attempt });
    const of = { child: "Worker:1", id: attempt, attempt, wasReady: false };
    logEvent(log, { type: "restarting", ...of, restarts: attempt });
    const error = { code: "internal", message: "no such file", stack: "a stack", details: {} };
    logEvent(log, { type: "ended", ...of, exit: { type: "error", error } });
  }
  expect(lines).toHaveLength(8); // the first, and 8, 16, ... 512
  expect(lines[0]).toContain("Worker:1 is parked");
  expect(lines[0]).toContain("no such file");
  expect(lines[0]).toContain("Worker.ServiceArgs.max-restarts");
  expect(lines[1]).toContain("still parked: no such file  attempt=8");
});

test("a child that is not parked has a line for each failure, with its stack, and for each restart", () => {
  const { lines, log } = logger();
  const of = { child: "Worker:1", id: 1, attempt: 0, wasReady: true };
  const error = { code: "internal", message: "oh", stack: "Error: oh\n    at home", details: {} };
  logEvent(log, { type: "ended", ...of, exit: { type: "error", error } });
  logEvent(log, { type: "restarting", ...of, restarts: 1 });
  logEvent(log, { type: "started", ...of, ms: 5 });
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain("Worker:1 (id=1) failed: Error: oh\n    at home");
  expect(lines[2]).toContain("Worker:1 started  id=1");
});

test("a hung child is named with how long it was silent and what it last began", () => {
  const { lines, log } = logger();
  logEvent(log, { type: "hung", child: "Worker:2", id: 7, forMs: 10_000, endpoint: "generate" });
  expect(lines[0]).toContain("Worker:2 hangs");
  expect(lines[0]).toContain("silentMs=10000");
  expect(lines[0]).toContain("lastEndpoint=generate");
});

test("a parked child that runs again has a line, and so has each of its ends, with the id", () => {
  const { lines, log } = logger();
  const of = { child: "Worker:1", id: 42, attempt: 9 };
  logEvent(log, { type: "started", ...of, ms: 5 });
  const error = { code: "poison", message: "another cause", stack: "a stack", details: {} };
  logEvent(log, { type: "ended", ...of, wasReady: true, exit: { type: "error", error } });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain("Worker:1 runs again, after it was parked  id=42");
  expect(lines[1]).toContain("Worker:1 (id=42) failed: another cause");
});
