// Writes the supervisor's events into the log. A parked child is tried again for ever, so lines about starts that fail
// grow rare. Each end of an instance that was ready has a line, with its id.

import type { SupervisorEvent } from "../actor/supervisor-event.ts";
import { unreachable } from "../base/assert.ts";
import { toWireError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";

export function logEvent(log: Logger, event: SupervisorEvent): void {
  switch (event.type) {
    case "started": {
      const how = event.attempt === 0 ? "started" : "runs again, after it was parked";
      log.info(`${event.child} ${how}`, { id: event.id, ms: Math.round(event.ms) });
      break;
    }
    case "ended":
      logEnded(log, event);
      break;
    case "restarting": {
      const say = event.attempt === 0 ? log.warn : log.debug;
      say(`${event.child} restarts`, { restarts: event.restarts });
      break;
    }
    case "parked":
      logParked(log, event);
      break;
    case "recovered":
      log.info(`${event.child} has recovered and is no longer parked`, { attempts: event.attempt });
      break;
    case "hung":
      log.error(`${event.child} hangs and is killed`, {
        id: event.id,
        silentMs: event.forMs,
        lastEndpoint: event.endpoint ?? "none yet",
      });
      break;
    case "killed":
      log.warn(`${event.child} did not stop in time and was killed`, {
        id: event.id,
        afterMs: Math.round(event.afterMs),
      });
      break;
    case "cleanup_failed":
      log.error(`cleaning up after ${event.child} failed: ${toWireError(event.error).stack}`);
      break;
    case "draining":
      log.info(`${event.child} drains`, { limitMs: Math.round(event.limitMs) });
      break;
    case "drained":
      log.info(`${event.child} is drained and not started again`);
      break;
    case "stuck":
      log.error(
        `${event.child} (id=${event.id}) does not end: it is inside native code. It is started again when that returns; if it never does, restart the process`,
      );
      break;
    default:
      unreachable(event);
  }
}

/** An expected failure is told by its message; the stack of a bug is worth more. */
function logEnded(log: Logger, event: Extract<SupervisorEvent, { type: "ended" }>): void {
  const { child, id, exit, wasReady, attempt } = event;
  if (exit.type !== "error") {
    log.debug(`${child} ended`, { id, how: exit.type });
    return;
  }
  const say = wasReady || attempt === 0 ? log.error : log.debug;
  const { code, message, stack } = exit.error;
  say(`${child} (id=${id}) failed: ${code === "internal" ? (stack ?? message) : message}`);
}

type Parked = Extract<SupervisorEvent, { type: "parked" }>;

function logParked(log: Logger, { child, service, limits, attempt, delayMs, cause }: Parked): void {
  if (attempt === 1) {
    log.error(
      `${child} is parked: it failed again after ${limits.intensity} restarts of ${service} within ${limits.periodMs} ms. ` +
        "It is started again after 0.1 s, then ever later up to 10 s; its callers find other instances or none. " +
        `Mend the cause, or raise ${service}.ServiceArgs.max-restarts. The cause: ${cause.message}`,
    );
  } else if (isRemarkable(attempt)) {
    log.error(`${child} is still parked: ${cause.message}`, {
      attempt,
      nextMs: Math.round(delayMs),
    });
  } else {
    log.debug(`${child} failed again`, { attempt, nextMs: Math.round(delayMs) });
  }
}

/** 8, 16, 32, ...: at a start each 10 s, a line after a minute, then after twice as long each time. */
function isRemarkable(attempt: number): boolean {
  return attempt >= 8 && (attempt & (attempt - 1)) === 0;
}
