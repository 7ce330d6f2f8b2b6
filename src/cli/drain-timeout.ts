import type { Environment } from "../sdk/service-class.ts";
import { UsageError } from "./usage-error.ts";

const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 24 * 3600;
/** Dynamo's name. */
const VARIABLE = "DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS";

/** How long running answers may go on after Ctrl-C, in milliseconds. Throws `UsageError`. */
export function drainTimeoutMs(flag: string | undefined, environment: Environment): number {
  const given = flag ?? (environment[VARIABLE] || undefined);
  const name = flag === undefined ? VARIABLE : "--drain-timeout";
  if (given === undefined) return DEFAULT_SECONDS * 1000;
  const seconds = /^\d+(\.\d+)?$/.test(given) ? Number(given) : Number.NaN;
  if (seconds <= MAX_SECONDS) return Math.round(seconds * 1000);
  throw new UsageError(
    `${name} takes seconds from 0 to ${MAX_SECONDS}, got ${JSON.stringify(given)}`,
  );
}
