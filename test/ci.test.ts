import { expect, test } from "bun:test";

import { slowness } from "./calibrate.ts";
import { SUITES } from "./suites.ts";

const root = new URL("..", import.meta.url).pathname;
const ci = (name: string, env: Readonly<Record<string, string>> = {}) => {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "test/ci.ts", name], {
    cwd: root,
    env: { ...process.env, ...env },
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
};

test("a name that is none ends with 2 and all that there are", () => {
  const { exitCode, stderr } = ci("kils");
  expect(exitCode).toBe(2);
  expect(stderr).toStartWith("There is no kils; there are: lint, format, ");
  for (const { name } of SUITES) expect(stderr).toContain(name);
});

test("the last line is the count of what ran; a step without its programs is skipped", () => {
  const skipped = ci("musl", { PATH: "/nowhere" });
  expect(skipped.stdout).toEndWith("\n0 passed, 0 failed, 1 skipped\n");
  expect(skipped.exitCode).toBe(0);
  const ran = ci("format");
  expect(ran.stdout).toContain("== format: ok, ");
  expect(ran.stdout).toEndWith("\n0 passed, 0 failed, 0 skipped\n");
  expect(ran.exitCode).toBe(0);
});

test("each long suite has a name of its own, and files that are there", async () => {
  const names = SUITES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const file of SUITES.flatMap(({ files }) => files)) {
    expect([file, await Bun.file(root + file).exists()]).toEqual([file, true]);
  }
});

test("a machine is as slow as its slowest round, and never quicker than a quiet one", () => {
  const measured = (...rounds: readonly number[]) => {
    const times = rounds.flatMap((ms) => [0, ms]);
    return slowness(
      () => times.shift() ?? 0,
      () => 0,
    );
  };
  expect(measured(130, 130, 520, 130, 130)).toBe(4);
  expect(measured(10, 10, 10, 10, 10)).toBe(1);
});
