// Progress that people see while something long goes on.

import { expect, test } from "bun:test";

import { createLogger } from "../../src/base/log.ts";
import { Progress } from "../../src/base/progress.ts";
import { ManualClock } from "../manual-clock.ts";

/** Reports every 50 ms, as a load of `ms` does, and gives what was written. */
async function told(ms: number, isTerminal: boolean): Promise<string[]> {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLogger("test", "info", (line) => lines.push(line.replace(/^\S+ /, "")));
  const write = (text: string) => lines.push(text);
  const progress = new Progress({ what: "loading m", log, clock, isTerminal, write });
  for (let now = 0; now < ms; now += 50) {
    progress.report(now, ms);
    await clock.advance(50);
  }
  progress.end();
  return lines;
}

test("what is done within a second is not told", async () => {
  expect(await told(1000, true)).toEqual([]);
  expect(await told(1000, false)).toEqual([]);
});

test("a log gets a line after a second, and every three seconds from then on", async () => {
  expect(await told(10_000, false)).toEqual([
    'INFO  test  loading m  done="10 %" seconds-left=9\n',
    'INFO  test  loading m  done="40 %" seconds-left=6\n',
    'INFO  test  loading m  done="70 %" seconds-left=3\n',
  ]);
});

test("a terminal gets one line that is rewritten, and taken away at the end", async () => {
  const lines = await told(2000, true);
  expect(lines[0]).toBe("loading m  50 %, 1 s left\r");
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe(`${" ".repeat(25)}\r`);
  expect(lines.every((line) => line.endsWith("\r") && line.length === 26)).toBe(true);
});
