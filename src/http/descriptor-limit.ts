import { readFileSync } from "node:fs";

/** File descriptors without which a server has none left for its clients: each thread, each model file and the like takes some. */
export const MIN_DESCRIPTORS = 128;

/** Connections that this process can hold and still open files: all but a quarter of its file descriptors. */
export function connectionsWithin(numDescriptors: number): number {
  return Math.max(16, Math.floor(numDescriptors * 0.75));
}

/** File descriptors that this process may have, as `ulimit -n` says; `undefined` where the system does not tell. */
export function descriptorLimit(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return soft === undefined ? undefined : Number(soft);
}
