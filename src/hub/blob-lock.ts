// A lock for each content, so that two pulls do not write into one file. Its file names the process that has it; the lock
// of one that is gone is taken over.

import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

import type { Clock } from "../base/clock.ts";
import { systemCode } from "../base/system-error.ts";

const LOOK_MS = 200;
/** A lock without a name is no longer being written after this. */
const WRITTEN_WITHIN_MS = 5000;

/** Runs `work` while no other process, and no other call, has the lock. */
export async function withLock<T>(
  path: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const name = await ownName();
  await mkdir(dirname(path), { recursive: true });
  while (!(await tryTake(path, name))) {
    if (await isStale(path, clock)) await rm(path, { force: true });
    else await clock.sleep(LOOK_MS);
    signal.throwIfAborted();
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryTake(path: string, name: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(name);
    await file.close();
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** A process, and when it began: numbers of processes are used again. */
async function ownName(): Promise<string> {
  return `${process.pid} ${await beginOf(process.pid)}`;
}

async function isStale(path: string, clock: Clock): Promise<boolean> {
  const text = await readFile(path, "utf8").catch(() => "");
  const [, pid, begin] = /^(\d+) (\d+)$/.exec(text) ?? [];
  if (pid !== undefined) return (await beginOf(Number(pid))) !== begin;
  // It is being written, or its process was killed before it was.
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && clock.wallTime() - found.mtimeMs > WRITTEN_WITHIN_MS;
}

/** In the system's ticks; "" for one that is not there. */
async function beginOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
