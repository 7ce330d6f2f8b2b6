// Notifications to systemd, or another manager with its protocol (sd_notify(3), sd_watchdog_enabled(3)):
//
//   READY=1       all instances can be called             STOPPING=1   a stop has begun
//   WATCHDOG=1    twice in each WATCHDOG_USEC, from the main thread, while no instance is stuck: one that hangs is
//                 started again here; one that cannot be is a reason to start the process again
//
// A manager that says nothing in the environment is told nothing.

import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { NotifySocket } from "./notify-socket.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface ServiceManagerOptions {
  readonly environment: Environment;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly open: (address: string) => NotifySocket | undefined;
  /** Names of what a new process alone can mend. */
  readonly stuck: () => readonly string[];
}

/** For this process alone: services and their children do not speak to the manager. */
const OF_THE_MANAGER = [
  ...["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"],
  ...["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"],
];

const RETRY_MS = 50;
/** A manager that takes nothing for ten seconds is gone. */
const MAX_RETRIES = 200;

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #socket: NotifySocket | undefined;
  readonly #beatMs: number | undefined;
  #timer: Timer | undefined;
  #isSilent = false;
  /** Texts that the manager was too busy to take, oldest first; beats are not kept. */
  #unsent: string[] = [];
  #retry: Timer | undefined;
  #numRetries = 0;

  constructor(options: ServiceManagerOptions) {
    const { environment, log } = options;
    this.#options = options;
    const address = environment["NOTIFY_SOCKET"];
    if (address === undefined || address === "") return;
    this.#socket = options.open(address);
    if (this.#socket === undefined) {
      log.warn("the service manager is not told of this service: NOTIFY_SOCKET cannot be used", {
        NOTIFY_SOCKET: address,
      });
      return;
    }
    this.#beatMs = watchdogBeatMs(options);
    this.#tell("STATUS=starting");
    if (this.#beatMs !== undefined) this.#beat(this.#beatMs);
  }

  ready(): void {
    this.#tell("READY=1\nSTATUS=ready");
  }

  stopping(): void {
    this.#tell("STOPPING=1\nSTATUS=stopping");
  }

  end(): void {
    this.#timer?.cancel();
    this.#retry?.cancel();
    this.#socket?.close();
  }

  #beat(everyMs: number): void {
    const { clock, log, stuck } = this.#options;
    this.#timer = clock.after(everyMs, () => this.#beat(everyMs));
    const names = stuck();
    if (names.length === 0) this.#socket?.send("WATCHDOG=1");
    else if (!this.#isSilent) {
      this.#tell(`STATUS=stuck: ${names.join(", ")}`);
      log.error(
        `${names.join(", ")} cannot be started again in this process: the service manager's watchdog hears no more of it and will start a new one`,
      );
    }
    this.#isSilent = names.length > 0;
  }

  #tell(text: string): void {
    if (this.#socket === undefined) return;
    this.#unsent.push(text);
    this.#numRetries = 0;
    this.#sendAll();
  }

  #sendAll(): void {
    this.#retry?.cancel();
    while (this.#unsent[0] !== undefined && this.#socket?.send(this.#unsent[0]))
      this.#unsent.shift();
    if (this.#unsent.length === 0 || ++this.#numRetries > MAX_RETRIES) return;
    this.#retry = this.#options.clock.after(RETRY_MS, () => this.#sendAll());
  }
}

/** The environment that services see. */
export function withoutManager(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !OF_THE_MANAGER.includes(name)),
  );
}

/** Half of the watchdog's limit; undefined where it is off, or another process's. */
function watchdogBeatMs({ environment, pid }: ServiceManagerOptions): number | undefined {
  const limitUs = Number(environment["WATCHDOG_USEC"]);
  const owner = environment["WATCHDOG_PID"];
  if (!(limitUs > 0) || (owner !== undefined && owner !== String(pid))) return undefined;
  return limitUs / 2000;
}
