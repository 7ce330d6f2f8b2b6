// Priorities of single threads, which Linux has. Advice: where the system refuses, all goes on as it went.

import { getPriority, setPriority } from "node:os";

/** A third of the share of a thread that does not yield, while both want the same CPU. */
const STEP = 5;
const LOWEST = 19;

/** The calling thread leaves CPUs to the threads that others wait for. */
export function yieldToOthers(): void {
  if (process.platform !== "linux") return; // elsewhere it would be the process
  try {
    setPriority(0, Math.min(getPriority(0) + STEP, LOWEST));
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}
