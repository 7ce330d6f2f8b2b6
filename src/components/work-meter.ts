// Measures how long a side thread has worked, by the CPU time that it had: a busy machine makes a rendering late, and not
// longer. Wall time counts a little as well, for threads that are blocked.

import type { ServiceContext, SideThread } from "dynamo";

import type { Timer } from "../base/clock.ts";

/** Wall milliseconds that count as one of work: of a blocked thread; where CPU time is not known. */
const BLOCKED_PER_MS = 20;
const UNKNOWN_PER_MS = 4;
const MIN_CHECK_MS = 5;
const MAX_CHECK_MS = 100;

export class WorkMeter {
  readonly #clock: ServiceContext["clock"];
  readonly #thread: SideThread;
  #cpuMs: number | undefined;
  #wallMs = 0;
  #timer: Timer | undefined;

  constructor(clock: ServiceContext["clock"], thread: SideThread) {
    this.#clock = clock;
    this.#thread = thread;
  }

  /** Counts from here. Cancels what is planned. */
  begin(): void {
    this.stop();
    this.#cpuMs = this.#thread.cpuMs();
    this.#wallMs = 0;
  }

  /** Calls `reached` once the thread has worked for `ms` since `begin`. One at a time. */
  at(ms: number, reached: () => void): void {
    const delay = Math.min(Math.max(ms - this.#workedMs(), MIN_CHECK_MS), MAX_CHECK_MS);
    const begun = this.#clock.now();
    this.#timer = this.#clock.after(delay, () => {
      // Less than has passed where the whole process was stopped meanwhile.
      this.#wallMs += Math.min(this.#clock.now() - begun, 2 * delay);
      if (this.#workedMs() >= ms) reached();
      else this.at(ms, reached);
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #workedMs(): number {
    const cpuMs = this.#thread.cpuMs();
    if (cpuMs === undefined || this.#cpuMs === undefined) return this.#wallMs / UNKNOWN_PER_MS;
    return Math.max(cpuMs - this.#cpuMs, this.#wallMs / BLOCKED_PER_MS);
  }
}
