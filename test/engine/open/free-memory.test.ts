import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";

import {
  freeForModel,
  groupFreeMemory,
  RUNTIME_BYTES,
} from "../../../src/engine/open/free-memory.ts";

const root = mkdtempSync(join(tmpdir(), "dynamo-cgroups-"));
afterAll(() => rmSync(root, { recursive: true }));

function group(path: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(root, path), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, path, name), text);
}

test("is not more than the machine has", () => {
  expect(freeForModel()).toBeGreaterThan(0);
  expect(freeForModel()).toBeLessThanOrEqual(freemem() * 1.1);
});

test("leaves the runtime its part of a limit", () => {
  expect(freeForModel(1e9)).toBe(1e9 - RUNTIME_BYTES);
  expect(freeForModel(2 ** 29)).toBe(2 ** 29 - RUNTIME_BYTES);
  expect(freeForModel(1000)).toBe(0);
});

test("is what the tightest group around the process leaves, old file pages counted as free", () => {
  group("a", { "memory.max": "max\n", "memory.current": "900\n" });
  group("a/b", {
    ...{ "memory.max": "1000\n", "memory.current": "700\n" },
    "memory.stat": "anon 500\nactive_file 0\ninactive_file 150\n",
  });
  group("a/b/c", { "memory.max": "5000\n", "memory.current": "700\n" });
  expect(groupFreeMemory(root, "0::/a/b/c\n")).toBe(450);
  expect(groupFreeMemory(root, "0::/a\n")).toBe(Number.POSITIVE_INFINITY);
});

test("knows the first version of control groups", () => {
  group("memory/x", {
    ...{ "memory.limit_in_bytes": "2000\n", "memory.usage_in_bytes": "2500\n" },
    "memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
  });
  expect(groupFreeMemory(root, "4:memory:/x\n1:cpu:/x\n")).toBe(0);
  expect(groupFreeMemory(root, "1:cpu,cpuacct:/x\n")).toBe(Number.POSITIVE_INFINITY);
});
