// How a deployment ends: by a start that fails, by Ctrl-C, or by a second Ctrl-C. Once it is ready nothing else ends it.
//
//   first Ctrl-C    stop(): what runs may end, then every actor, within a bound    exit code 0
//                   (npm passes on what the terminal has already sent: within a moment two count as one)
//   second Ctrl-C   at once                                                        exit code 130
//   a failed start  its error is thrown, after all is stopped again                (exit code 1)

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Door } from "../sdk/door.ts";
import type { Deployment } from "../serve/deploy.ts";
import type { ServiceManager } from "./service-manager.ts";

export type RunningDeployment = Pick<Deployment, "entryDoor" | "ready" | "stop">;

export interface UntilEndedOptions {
  onInterrupt(receive: () => void): () => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when everything can be called, and the entry has said where; if it does. */
  onReady(door: Door | undefined): void;
  /** Time for running answers to end. */
  readonly drainMs: number;
  /** Told how far the deployment is. */
  readonly manager: Pick<ServiceManager, "ready" | "stopping" | "end">;
}

/** For a stop beside its drain. deploy.ts plans for less, so this is for what is stuck in native code. */
export const MAX_REST_MS = 4000;

/** Faster than anyone presses twice. */
const ECHO_MS = 150;

const INTERRUPTED = 130; // 128 + SIGINT, as shells have it

export async function untilEnded(
  deployment: RunningDeployment,
  { onInterrupt, onReady, clock, log, manager, drainMs }: UntilEndedOptions,
): Promise<number> {
  const startedAt = clock.now();
  const { promise: interrupted, resolve, reject } = Promise.withResolvers<number>();
  let isReady = false;
  let isStopping = false;
  let stoppingSince = 0;
  const release = onInterrupt(() => {
    if (isStopping) {
      if (clock.now() - stoppingSince > ECHO_MS) resolve(INTERRUPTED);
      return;
    }
    isStopping = true;
    stoppingSince = clock.now();
    manager.stopping();
    const what = isReady ? "stopping" : "stopping before all services are ready";
    log.info(`${what}; Ctrl-C again ends at once`);
    const ms = drainMs + MAX_REST_MS;
    const timer = clock.after(ms, () => {
      log.warn("not everything has ended in time", { ms });
      resolve(0);
    });
    deployment.stop().then(() => {
      timer.cancel();
      log.info("stopped");
      resolve(0);
    }, reject);
  });
  const failedToStart = deployment.ready.then(
    () => {
      isReady = true;
      if (!isStopping) manager.ready();
      log.info("all services are ready", { ms: Math.round(clock.now() - startedAt) });
      deployment.entryDoor.then((door) => {
        if (!isStopping) onReady(door);
      }, reject);
      return interrupted;
    },
    (error: unknown) => {
      if (!isStopping) throw error; // a start that was interrupted is no failure
      return interrupted;
    },
  );
  try {
    return await Promise.race([interrupted, failedToStart]);
  } finally {
    release();
    manager.end();
  }
}
