// Measures how long a side thread has worked, by the CPU time that it had: a busy machine makes a rendering late, and not
// longer. Wall time has a bound of its own, for threads that are blocked.

import type { ServiceContext, SideThread } from "dynamo";

import type { Timer } from "../../base/clock.ts";

/** Wall milliseconds that count as one of CPU time, where the system does not tell it. */
const WALL_PER_CPU = 4;
const MIN_CHECK_MS = 5;
const MAX_CHECK_MS = 100;

/** The first of the two that is reached. */
export interface WorkLimit {
  readonly cpuMs: number;
  readonly wallMs: number;
}

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

  /** Calls `reached` once the thread has worked so long since `begin`. One at a time. */
  at(limit: WorkLimit, reached: () => void): void {
    const cpuLeft = limit.cpuMs - this.#workedMs();
    const wallLeft = limit.wallMs - this.#wallMs;
    const delay = Math.min(Math.max(Math.min(cpuLeft, wallLeft), MIN_CHECK_MS), MAX_CHECK_MS);
    const begun = this.#clock.now();
    this.#timer = this.#clock.after(delay, () => {
      // Less than has passed where the whole process was stopped meanwhile.
      this.#wallMs += Math.min(this.#clock.now() - begun, 2 * delay);
      if (this.#workedMs() >= limit.cpuMs || this.#wallMs >= limit.wallMs) reached();
      else this.at(limit, reached);
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #workedMs(): number {
    const cpuMs = this.#thread.cpuMs();
    if (cpuMs === undefined || this.#cpuMs === undefined) return this.#wallMs / WALL_PER_CPU;
    return cpuMs - this.#cpuMs;
  }
}
