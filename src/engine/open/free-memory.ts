// The memory that this process may still fill: what the machine has to spare or, where it is less, what the control
// groups around it leave (https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html).

import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { dirname, join } from "node:path";

const CGROUPS = "/sys/fs/cgroup";

/**
 * Memory of the process beside weights, KV blocks and workspace: the code, which the kernel can drop and read again, is
 * not in it; heaps of JavaScript, stacks and buffers are, under load.
 */
export const RUNTIME_BYTES = 128e6;

/**
 * Bytes that a model may fill: what is free or, where the process has a limit, what its runtime leaves of that. Cached
 * files count as free, since the kernel gives their memory up.
 */
export function freeForModel(limit = Number.POSITIVE_INFINITY): number {
  const groupFree = groupFreeMemory(CGROUPS, readText("/proc/self/cgroup") ?? "");
  const limited = Math.min(limit, groupFree) - RUNTIME_BYTES;
  return Math.max(0, Math.min(freemem(), limited));
}

/** `groups` is /proc/self/cgroup: a line for each hierarchy, `id:controllers:path`. Infinity where none has a limit. */
export function groupFreeMemory(root: string, groups: string): number {
  let free = Number.POSITIVE_INFINITY;
  for (const line of groups.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === "") free = Math.min(free, leastFree(root, path, VERSION_2));
    else if (controllers?.split(",").includes("memory")) {
      free = Math.min(free, leastFree(join(root, "memory"), path, VERSION_1));
    }
  }
  return free;
}

interface Files {
  readonly limit: string;
  readonly usage: string;
  /** In memory.stat: files that were not used lately. */
  readonly cached: string;
}

const VERSION_2: Files = { limit: "memory.max", usage: "memory.current", cached: "inactive_file" };
const VERSION_1: Files = {
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  cached: "total_inactive_file",
};

/** Each group is limited by those around it, too. */
function leastFree(root: string, path: string, files: Files): number {
  const directory = join(root, path);
  const around = path === "/" ? Number.POSITIVE_INFINITY : leastFree(root, dirname(path), files);
  const limit = Number(readText(join(directory, files.limit)) ?? Number.NaN);
  const usage = Number(readText(join(directory, files.usage)) ?? Number.NaN);
  if (!Number.isFinite(limit) || !Number.isFinite(usage)) return around; // "max", or not there
  const stat = readText(join(directory, "memory.stat")) ?? "";
  const cached = new RegExp(`^${files.cached} (\\d+)$`, "m").exec(stat)?.[1] ?? 0;
  return Math.min(around, Math.max(0, limit - usage + Number(cached)));
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // Not on Linux, or not this version of control groups.
  }
}
