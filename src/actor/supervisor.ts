// Main side: starts children in order, restarts those that fail, stops them in reverse. OTP's words and rules,
// one_for_one. Events are values; whoever is given them decides what to print.
//
//   spawn ──> starting ──> running ──> (stop) stopping ──> ended
//     ^           └────────────┴── exit ──> ended ──┐
//     └────────────── restart, if it may ───────────┘

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { DynamoError, RemoteError } from "../base/error.ts";
import type { ActorExit, ActorHost, ActorThread } from "./actor-host.ts";
import type { ActorId } from "./actor-id.ts";
import { ControlPort } from "./control-port.ts";
import type { ActorEnding } from "./error.ts";
import type { Switchboard } from "./switchboard.ts";

/** One running incarnation of a child, as its spec's `start` sees it. */
export interface Child {
  readonly id: ActorId;
  readonly tag: string;
  readonly control: ControlPort;
}

export interface ChildSpec {
  /** Unique under its supervisor and the same after a restart. */
  readonly id: string;
  readonly tag: string;
  /** permanent: always restarted; transient: when it failed; temporary: never. */
  readonly restart: "permanent" | "transient" | "temporary";
  /** At the first start: whether it waits for those before it. `nobody`: its thread is spawned at once. */
  readonly awaits: "those before" | "nobody";
  /** From the "stop" push (body `StopOrder`) to the kill. */
  readonly shutdownMs: number;
  /** What each incarnation's thread is given. */
  readonly data: unknown;
  readonly env: Readonly<Record<string, string>>;
  /** Resolves when the child may be called. Runs for each incarnation, right after its thread was spawned. */
  readonly start: (child: Child) => Promise<void>;
  /** Runs after the thread of an incarnation has ended, before others are told and the next one is spawned. */
  readonly ended?: (child: Child, exit: ActorExit) => void | Promise<void>;
}

/** Body of the "stop" push: end what runs, then say bye; after `deadlineMs` there is no more time for either. */
export interface StopOrder {
  readonly deadlineMs: number;
}

export type SupervisorEvent =
  | { readonly type: "started"; readonly child: string; readonly id: ActorId; readonly ms: number }
  | {
      readonly type: "ended";
      readonly child: string;
      readonly id: ActorId;
      readonly exit: ActorExit;
    }
  /** The spec's `ended` threw. */
  | { readonly type: "cleanup_failed"; readonly child: string; readonly error: unknown }
  | { readonly type: "restarting"; readonly child: string; readonly restarts: number }
  /** It did not end within its `shutdownMs`. */
  | {
      readonly type: "killed";
      readonly child: string;
      readonly id: ActorId;
      readonly afterMs: number;
    }
  /** It has not even ended after the kill: native code that does not return. Its thread is left alone. */
  | { readonly type: "stuck"; readonly child: string; readonly id: ActorId }
  | { readonly type: "gave_up"; readonly child: string; readonly error: DynamoError };

export interface SupervisorOptions {
  readonly host: ActorHost;
  readonly switchboard: Switchboard;
  readonly clock: Clock;
  /** More than `intensity` restarts within `periodMs` and the supervisor gives up. */
  readonly intensity: number;
  readonly periodMs: number;
  readonly onEvent: (event: SupervisorEvent) => void;
}

/** How long a killed thread may take to end: the native call that it is in returns first. */
const KILL_MS = 2000;

interface Running {
  readonly child: Child;
  readonly thread: ActorThread;
  readonly exited: Promise<ActorExit>;
}

interface Slot {
  readonly spec: ChildSpec;
  running: Running | undefined;
  restarts: number;
}

interface StartFailure {
  readonly spec: ChildSpec;
  readonly error: Error;
}

export class Supervisor {
  /** Resolves after all children have ended: with undefined after `stop`, with the error after giving up. */
  readonly ended: Promise<DynamoError | undefined>;
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[] = [];
  #restartTimes: number[] = [];
  #stopping: Promise<void> | undefined;
  readonly #resolveEnded: (error: DynamoError | undefined) => void;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<DynamoError | undefined>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  /**
   * Starts the children one after the other, each ready before the next, but for those that await nobody: they
   * start with the first. On failure stops what it started and throws.
   */
  async start(specs: readonly ChildSpec[]): Promise<void> {
    const early = new Map<Slot, Promise<StartFailure | undefined>>();
    for (const spec of specs) {
      assert(!this.#slots.some((slot) => slot.spec.id === spec.id), `two children "${spec.id}"`);
      const slot: Slot = { spec, running: undefined, restarts: 0 };
      this.#slots.push(slot);
      if (spec.awaits === "nobody") early.set(slot, this.#startFirst(slot));
    }
    const earlyFailure = firstFailure([...early.values()]);
    for (const slot of [...this.#slots]) {
      if (this.#stopping !== undefined) break;
      const started = early.get(slot) ?? this.#startFirst(slot);
      const failure = await Promise.race([started, earlyFailure]);
      if (failure !== undefined && this.#stopping === undefined) {
        await this.stop();
        throw new ChildStartError(
          `${failure.spec.tag} did not start: ${failure.error.message}`,
          failure.error,
        );
      }
    }
    if (this.#stopping !== undefined) {
      await this.#stopping;
      throw new ChildStartError("the start was interrupted by a stop", undefined);
    }
  }

  /** Stops all in reverse order; each has its `shutdownMs`, then it is killed. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll(undefined);
    return this.#stopping;
  }

  /** Restarts so far, by child id. */
  restarts(): ReadonlyMap<string, number> {
    return new Map(this.#slots.map((slot) => [slot.spec.id, slot.restarts]));
  }

  async #startFirst(slot: Slot): Promise<StartFailure | undefined> {
    const error = await this.#startChild(slot);
    return error && { spec: slot.spec, error };
  }

  /** Spawns an incarnation and waits until it is ready or has ended. Returns why it is not ready. */
  async #startChild(slot: Slot): Promise<Error | undefined> {
    const { host, switchboard, clock } = this.#options;
    const { spec } = slot;
    const startedAt = clock.now();
    const id = switchboard.nextActorId();
    const thread = host.spawn({ id, tag: spec.tag, data: spec.data, env: spec.env });
    const child: Child = { id, tag: spec.tag, control: new ControlPort(thread) };
    switchboard.attach(id, child.control);
    const ending = Promise.withResolvers<ActorExit>();
    const exited = ending.promise.then((exit) => this.#onExit(slot, child, exit));
    slot.running = { child, thread, exited };
    thread.onExit(ending.resolve);

    const started = spec.start(child).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    const failure = await Promise.race([started, exited.then(exitError)]);
    if (failure === undefined) {
      this.#emit({ type: "started", child: spec.id, id, ms: clock.now() - startedAt });
      void exited.then((exit) => this.#replace(slot, exit));
      return undefined;
    }
    // How its thread failed says more than that its answer did not come.
    const exit = await this.#end({ child, thread, exited }, spec);
    return exit?.type === "failed" ? exitError(exit) : failure;
  }

  async #onExit(slot: Slot, child: Child, exit: ActorExit): Promise<ActorExit> {
    slot.running = undefined;
    this.#emit({ type: "ended", child: slot.spec.id, id: child.id, exit });
    try {
      await slot.spec.ended?.(child, exit);
    } catch (error) {
      this.#emit({ type: "cleanup_failed", child: slot.spec.id, error });
    }
    // Only now: whoever hears of the end may use again what the child had been lent.
    this.#options.switchboard.detach(child.id, {
      reason: describeExit(exit),
      ended: endingOf(exit),
    });
    return exit;
  }

  /** A child that ran has ended: does what its spec says. */
  async #replace(slot: Slot, exit: ActorExit): Promise<void> {
    let failure = exitError(exit);
    let again = slot.spec.restart === "permanent" || exit.type !== "bye";
    while (again && slot.spec.restart !== "temporary" && this.#stopping === undefined) {
      const { clock, intensity, periodMs } = this.#options;
      const now = clock.now();
      this.#restartTimes = this.#restartTimes.filter((time) => time > now - periodMs);
      if (this.#restartTimes.length >= intensity) return this.#giveUp(slot, failure);
      this.#restartTimes.push(now);
      slot.restarts++;
      this.#emit({ type: "restarting", child: slot.spec.id, restarts: slot.restarts });
      const startFailure = await this.#startChild(slot);
      again = startFailure !== undefined;
      failure = startFailure ?? failure;
    }
  }

  #giveUp(slot: Slot, cause: Error): void {
    const { intensity, periodMs } = this.#options;
    const error = new RestartIntensityError(
      `${slot.spec.tag} failed again after ${intensity} restarts within ${periodMs} ms; the last time: ${cause.message}`,
      cause,
    );
    this.#emit({ type: "gave_up", child: slot.spec.id, error });
    this.#stopping ??= this.#stopAll(error);
  }

  async #stopAll(why: DynamoError | undefined): Promise<void> {
    for (const slot of [...this.#slots].reverse()) {
      if (slot.running !== undefined) await this.#stopChild(slot.running, slot.spec);
    }
    this.#resolveEnded(why);
  }

  async #stopChild(running: Running, spec: ChildSpec): Promise<void> {
    const order: StopOrder = { deadlineMs: spec.shutdownMs };
    running.child.control.push("stop", order);
    const exit = await this.#within(spec.shutdownMs, running.exited);
    if (exit !== undefined) return;
    this.#emit({
      type: "killed",
      child: spec.id,
      id: running.child.id,
      afterMs: spec.shutdownMs,
    });
    await this.#end(running, spec);
  }

  /** Kills the thread, if it has not ended, and waits for its end. Undefined if that does not come. */
  async #end(running: Running, spec: ChildSpec): Promise<ActorExit | undefined> {
    running.thread.terminate();
    const exit = await this.#within(KILL_MS, running.exited);
    if (exit === undefined) this.#emit({ type: "stuck", child: spec.id, id: running.child.id });
    return exit;
  }

  async #within(limitMs: number, exited: Promise<ActorExit>): Promise<ActorExit | undefined> {
    const late = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.after(limitMs, () => late.resolve(undefined));
    const exit = await Promise.race([exited, late.promise]);
    timer.cancel();
    return exit;
  }

  #emit(event: SupervisorEvent): void {
    this.#options.onEvent(event);
  }
}

/** One line for monitors, callers and logs. */
export function describeExit(exit: ActorExit): string {
  switch (exit.type) {
    case "bye":
      return "it stopped";
    case "killed":
      return "it was killed";
    case "failed":
      return `it failed: ${exit.error.message}`;
    case "hung":
      return `it hung and was killed after ${exit.forMs} ms`;
  }
}

function endingOf(exit: ActorExit): ActorEnding {
  if (exit.type === "failed" || exit.type === "hung") return exit.type;
  return "ordered";
}

/** Of several starts, the first that fails; never settles if none does. */
function firstFailure(starts: readonly Promise<StartFailure | undefined>[]): Promise<StartFailure> {
  return new Promise((resolve) => {
    for (const start of starts) void start.then((failure) => failure && resolve(failure));
  });
}

function exitError(exit: ActorExit): Error {
  return exit.type === "failed" ? new RemoteError(exit.error) : new Error(describeExit(exit));
}

/** A child failed more often than its supervisor allows. */
export class RestartIntensityError extends DynamoError {
  override readonly code = "restart_intensity";

  constructor(message: string, cause: Error) {
    super(message);
    this.cause = cause;
  }
}

/** A child failed while the supervisor started its children for the first time. */
export class ChildStartError extends DynamoError {
  override readonly code = "child_start";

  constructor(message: string, cause: Error | undefined) {
    super(message);
    this.cause = cause;
  }
}
