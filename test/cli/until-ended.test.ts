import { expect, test } from "bun:test";
import { DynamoError } from "../../src/base/error.ts";
import { createLogger } from "../../src/base/log.ts";
import { MAX_REST_MS, untilEnded } from "../../src/cli/until-ended.ts";
import type { Door } from "../../src/sdk/door.ts";
import { ManualClock } from "../manual-clock.ts";

const DRAIN_MS = 30_000;

/** A deployment whose steps the test decides, and a keyboard. */
function setUp() {
  const clock = new ManualClock();
  const ready = Promise.withResolvers<void>();
  const door = Promise.withResolvers<Door | undefined>();
  const stopped = Promise.withResolvers<void>();
  const lines: string[] = [];
  const told: string[] = [];
  let numStops = 0;
  let receive: (() => void) | undefined;
  const exitCode = untilEnded(
    {
      ready: ready.promise,
      entryDoor: door.promise,
      stop: () => {
        numStops += 1;
        return stopped.promise;
      },
    },
    {
      onInterrupt: (handler) => {
        receive = handler;
        return () => {
          receive = undefined;
        };
      },
      onReady: (open) => lines.push(`open: ${open?.url}`),
      clock,
      log: createLogger("dynamo", "info", (line) => lines.push(line)),
      drainMs: DRAIN_MS,
      manager: {
        ready: () => void told.push("ready"),
        stopping: () => void told.push("stopping"),
        end: () => void told.push("end"),
      },
    },
  );
  return {
    clock,
    ready,
    door,
    stopped,
    lines,
    told,
    exitCode,
    ctrlC: () => receive?.(),
    numStops: () => numStops,
    listens: () => receive !== undefined,
  };
}

test("the first Ctrl-C drains, and ends with 0", async () => {
  const world = setUp();
  world.ready.resolve();
  await world.clock.turn();
  world.ctrlC();
  expect(world.numStops()).toBe(1);
  world.stopped.resolve();
  expect(await world.exitCode).toBe(0);
  expect(world.listens()).toBe(false);
  expect(world.clock.numTimers).toBe(0);
  expect(world.told).toEqual(["ready", "stopping", "end"]);
});

test("the second ends at once with 130, whatever still runs", async () => {
  const world = setUp();
  world.ctrlC();
  world.ctrlC(); // an echo
  await world.clock.advance(200);
  world.ctrlC();
  expect(await world.exitCode).toBe(130);
  expect(world.numStops()).toBe(1);
});

test("an echo of the first, as npm sends it, is not a second", async () => {
  const world = setUp();
  world.ctrlC();
  world.ctrlC();
  await world.clock.advance(1000);
  world.stopped.resolve();
  expect(await world.exitCode).toBe(0);
});

test("a stop that hangs is given up after its bound", async () => {
  const world = setUp();
  world.ctrlC();
  await world.clock.advance(DRAIN_MS + MAX_REST_MS);
  expect(await world.exitCode).toBe(0);
  expect(world.lines.join("")).toContain("not everything has ended in time");
});

test("a start that Ctrl-C interrupts is no failure", async () => {
  const world = setUp();
  world.ctrlC();
  world.ready.reject(new DynamoError("stopped before it was ready"));
  await world.clock.turn();
  world.stopped.resolve();
  expect(await world.exitCode).toBe(0);
});

test("a deployment that cannot start throws why", async () => {
  const start = setUp();
  start.ready.reject(new DynamoError("port 8000 is in use"));
  await expect(start.exitCode).rejects.toThrow("port 8000 is in use");
  expect(start.listens()).toBe(false);
});

test("where to reach it is told once everything is ready and the entry has said so", async () => {
  const world = setUp();
  world.ready.resolve();
  await world.clock.turn();
  expect(world.lines.some((line) => line.startsWith("open:"))).toBe(false);
  world.door.resolve({ url: "http://127.0.0.1:1" });
  await world.clock.turn();
  expect(world.lines.at(-1)).toBe("open: http://127.0.0.1:1");
  world.ctrlC();
  world.stopped.resolve();
  expect(await world.exitCode).toBe(0);
});
