// CPU time of single threads, from Linux's /proc. Elsewhere it is unknown.

import { readFileSync, readlinkSync } from "node:fs";

const NS_PER_MS = 1e6;

/** The system's number of the calling thread; undefined without /proc. */
export function currentThreadId(): number | undefined {
  const link = tryRead(() => readlinkSync("/proc/thread-self")); // PID/task/TID
  return link === undefined ? undefined : Number(link.slice(link.lastIndexOf("/") + 1));
}

/** Milliseconds of CPU that a thread of this process has had; undefined where the system does not tell, or it has ended. */
export function threadCpuMs(threadId: number): number | undefined {
  const stat = tryRead(() => readFileSync(`/proc/self/task/${threadId}/schedstat`, "latin1"));
  const ns = Number.parseInt(stat ?? "", 10);
  return Number.isNaN(ns) ? undefined : ns / NS_PER_MS;
}

function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined; // no such file
    throw error;
  }
}
