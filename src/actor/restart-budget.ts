// Limits the immediate restarts of one service's children, and delays each further one.
//
//   failure ── within the budget ──> restart at once
//      └────── beyond it ──────────> parked: 0.1 s, 0.2 s, ... 10 s, until a start has lived for a period

import type { Clock } from "../base/clock.ts";

/** OTP's words: more than `intensity` restarts within `periodMs` are too many. */
export interface RestartLimits {
  readonly intensity: number;
  readonly periodMs: number;
}

/** Restarts of one service that need not wait. Restarts of parked children are not counted: they wait anyhow. */
export class RestartBudget {
  readonly #clock: Clock;
  readonly #limits: RestartLimits;
  #times: number[] = [];

  constructor(clock: Clock, limits: RestartLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts one restart, now; false, and nothing is counted, if the budget is spent. */
  take(): boolean {
    const now = this.#clock.now();
    this.#times = this.#times.filter((time) => time > now - this.#limits.periodMs);
    if (this.#times.length >= this.#limits.intensity) return false;
    this.#times.push(now);
    return true;
  }
}

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
/** Largest random addition, as a share of the delay, so that children with one cause do not all start at once. */
const JITTER = 0.25;

/** Before the `attempt`th start of a parked child (1 is the first). `random` is 0 to 1. */
export function backOffMs(attempt: number, random: number): number {
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.min(MAX_DELAY_MS, delayMs * (1 + JITTER * random));
}
