// Logs a deployment's events. A failure to start ends the deployment, and is then told with its error; so it is kept until
// that is known.

import { ChildStartError } from "../actor/supervisor.ts";
import type { SupervisorEvent } from "../actor/supervisor-event.ts";
import type { Logger } from "../base/log.ts";
import { logEvent } from "./log-event.ts";

export class StartLog {
  readonly #log: Logger;
  /** Children that have started at least once. */
  readonly #started = new Set<string>();
  readonly #failures: SupervisorEvent[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  write(event: SupervisorEvent): void {
    if (event.type === "started") this.#started.add(event.child);
    const isFailure = event.type === "ended" && event.exit.type === "error";
    if (isFailure && !this.#started.has(event.child)) this.#failures.push(event);
    else logEvent(this.#log, event);
  }

  /** The start is over. `error`, if it failed, is told by others. */
  end(error?: unknown): void {
    const told = error instanceof ChildStartError ? error.child : undefined;
    for (const event of this.#failures.splice(0)) {
      if (!("child" in event) || event.child !== told) logEvent(this.#log, event);
    }
  }
}
