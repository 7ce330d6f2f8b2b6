import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { createLogger } from "../../../src/base/log.ts";
import { pressureOf, watchMemoryPressure } from "../../../src/engine/open/memory-pressure.ts";
import { ManualClock } from "../../manual-clock.ts";

const root = mkdtempSync(join(tmpdir(), "dynamo-pressure-"));
afterAll(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** As the kernel writes it. */
const psi = (some: number, full: number) =>
  `some avg10=${some.toFixed(2)} avg60=99.00 avg300=0.00 total=1\nfull avg10=${full.toFixed(2)} avg60=99.00 avg300=0.00 total=1\n`;

test("is how much of the last ten seconds some, or all, have waited for memory", () => {
  expect(pressureOf(psi(0, 0))).toBe("none");
  expect(pressureOf(psi(9.99, 3))).toBe("none");
  expect(pressureOf(psi(10, 9))).toBe("some");
  expect(pressureOf(psi(80, 10))).toBe("full");
  expect(pressureOf("")).toBe("none");
});

test("is the control group's where it has one, and told at each change and each second while it lasts", async () => {
  write("proc/self/cgroup", "0::/a/b\n");
  write("proc/pressure/memory", psi(90, 90));
  write("sys/fs/cgroup/a/b/memory.pressure", psi(0, 0));
  const clock = new ManualClock();
  const lines: string[] = [];
  const levels: string[] = [];
  const watch = watchMemoryPressure({
    ...{ clock, root, log: createLogger("w", "info", (line) => lines.push(line)) },
    onPressure: (level) => levels.push(level),
  });
  await clock.advance(3000);
  expect(levels).toEqual([]);
  write("sys/fs/cgroup/a/b/memory.pressure", psi(20, 0));
  await clock.advance(2000);
  write("sys/fs/cgroup/a/b/memory.pressure", psi(90, 50));
  await clock.advance(1000);
  write("sys/fs/cgroup/a/b/memory.pressure", psi(1, 0));
  await clock.advance(2000);
  expect(levels).toEqual(["some", "some", "full", "none"]);
  expect(lines).toHaveLength(3);
  watch?.cancel();
  expect(clock.numTimers).toBe(0);
});

test("is the machine's otherwise, and nobody's where the kernel does not say", async () => {
  rmSync(join(root, "sys"), { recursive: true, force: true });
  const clock = new ManualClock();
  const levels: string[] = [];
  const options = {
    ...{ clock, root, log: createLogger("w", "error", () => {}) },
    onPressure: (level: string) => levels.push(level),
  };
  const watch = watchMemoryPressure(options);
  await clock.advance(1000);
  expect(levels).toEqual(["full"]);
  watch?.cancel();
  rmSync(join(root, "proc"), { recursive: true });
  expect(watchMemoryPressure(options)).toBeUndefined();
});
