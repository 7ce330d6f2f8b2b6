import type { Clock } from "../base/clock.ts";
import { toWireError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { ApiError } from "./api-error.ts";

/** An expected failure is logged once in this time, however many clients provoke it. */
const PERIOD_MS = 60_000;

/** Requests that failed with 5xx: bugs each with its stack, expected failures once a minute and code. */
export class FailureLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #expected = new Map<string, { loggedAt: number; numSilent: number }>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** `error`: the cause of `apiError`. */
  report(requestId: string, error: unknown, { code }: ApiError): void {
    const { message, stack } = toWireError(error);
    if (code === "internal_error") {
      this.#log.error("a request failed", { request: requestId, error: message, stack });
      return;
    }
    const now = this.#clock.now();
    const last = this.#expected.get(code);
    if (last && now - last.loggedAt < PERIOD_MS) {
      last.numSilent++;
      return;
    }
    this.#expected.set(code, { loggedAt: now, numSilent: 0 });
    const fields = { request: requestId, code, error: message, since_last: last?.numSilent };
    this.#log.warn("a request failed", fields);
  }
}
