// Watches for short memory around the process, as the kernel sees it: the share of time in which tasks wait for memory
// (https://docs.kernel.org/accounting/psi.html), in the control group of the process or, where that has no such file, on
// the machine. It rises before anything is killed, since pages that are needed are dropped and read again.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { MemoryPressure } from "../llm-engine.ts";

export interface WatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Folder that holds /proc and /sys; for tests. */
  readonly root?: string;
  readonly onPressure: (level: MemoryPressure) => void;
}

const EVERY_MS = 1000;
/** Percent of the last ten seconds. Some tasks waited: what can be given back is; all did: nothing new is begun. */
const LIMIT = 10;

const TOLD: Readonly<Record<MemoryPressure, string>> = {
  none: "memory is not short any more",
  some: "memory is short: KV blocks that no request holds are given back",
  full: "memory is very short: new requests are refused (503)",
};

/** Tells each change, and each second again while memory is short. Undefined where the kernel does not say. */
export function watchMemoryPressure(options: WatchOptions): Timer | undefined {
  const { clock, log, root = "/", onPressure } = options;
  const file = pressureFile(root);
  if (file === undefined) return undefined;
  let last: MemoryPressure = "none";
  const look = () => {
    timer = clock.after(EVERY_MS, look);
    const level = pressureOf(readText(file) ?? "");
    if (level !== last) (level === "none" ? log.info : log.warn)(TOLD[level]);
    if (level !== last || level !== "none") onPressure(level);
    last = level;
  };
  let timer = clock.after(EVERY_MS, look);
  return { cancel: () => timer.cancel() };
}

/** `text` has a line for the time in which some waited, and one for all. */
export function pressureOf(text: string): MemoryPressure {
  const average = (who: string) =>
    Number(new RegExp(`^${who} avg10=([\\d.]+)`, "m").exec(text)?.[1] ?? 0);
  if (average("full") >= LIMIT) return "full";
  return average("some") >= LIMIT ? "some" : "none";
}

function pressureFile(root: string): string | undefined {
  const groups = readText(join(root, "proc/self/cgroup")) ?? "";
  const [, group] = /^0::(\/.*)$/m.exec(groups) ?? [];
  const files = [
    ...(group === undefined ? [] : [join(root, "sys/fs/cgroup", group, "memory.pressure")]),
    join(root, "proc/pressure/memory"),
  ];
  return files.find((file) => readText(file) !== undefined);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // not on Linux, or a kernel without it
  }
}
