// Main side: starts children in order, restarts those that fail or hang, stops them in reverse. OTP's words and rules,
// one_for_one; but it never gives up: a child that fails beyond its service's budget is parked, and tried again for ever.
//
//   spawn ──> starting ──> running ──> (stop) stopping ──> ended
//     ^           └────────────┴── exit ──> ended ──┐
//     └─── restart, at once or after being parked ──┘

import { assert } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import { exitError } from "./actor-exit.ts";
import type { ActorExit, ActorHost } from "./actor-host.ts";
import type { ChildSpec, ServiceSpec } from "./child-spec.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Incarnation } from "./incarnation.ts";
import { backOffMs, RestartBudget } from "./restart-budget.ts";
import type { SupervisorEvent } from "./supervisor-event.ts";

export interface SupervisorOptions {
  readonly host: ActorHost;
  readonly clock: Clock;
  /** 0 to 1, as `Math.random`: spreads the starts of parked children. */
  readonly random: () => number;
  /** For `stop()`, all children together. */
  readonly stopMs: number;
  readonly onEvent: (event: SupervisorEvent) => void;
}

export interface ChildStatus {
  readonly id: string;
  readonly service: string;
  readonly restarts: number;
  /** It waits for its next start, or has begun it and is not ready. */
  readonly isParked: boolean;
  /** It was killed and has not ended, so it cannot be started again. */
  readonly isStuck: boolean;
}

interface RunningService {
  readonly spec: ServiceSpec;
  readonly budget: RestartBudget;
  readonly slots: readonly Slot[];
}

interface Slot {
  readonly spec: ChildSpec;
  running: Incarnation | undefined;
  /** `running` can be called. */
  isReady: boolean;
  restarts: number;
  /** Starts since it was parked; 0 if it is not, or has recovered. */
  attempt: number;
  isParked: boolean;
  /** An operator takes it out of service: it is not started again. */
  drain: "none" | "draining" | "drained";
  /** Runs from a start after being parked: at its end the child has recovered. */
  probation: Timer | undefined;
  unwatch: (() => void) | undefined;
}

interface StartFailure {
  readonly spec: ChildSpec;
  readonly error: Error;
}

export class Supervisor {
  /** Resolves after all children have ended, by `stop` or by a first start that failed. */
  readonly ended: Promise<void>;
  readonly #options: SupervisorOptions;
  readonly #services: RunningService[] = [];
  /** By timeout: services that agree share one tick. */
  readonly #heartbeats = new Map<number, Heartbeat>();
  readonly #stopRequested = Promise.withResolvers<void>();
  readonly #hasEnded = Promise.withResolvers<void>();
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.ended = this.#hasEnded.promise;
  }

  /**
   * Starts the children one after the other, each ready before the next, but for those that await no other: they
   * start with the first. On failure stops what it started and throws.
   */
  async start(specs: readonly ServiceSpec[]): Promise<void> {
    for (const spec of specs) this.#services.push(this.#service(spec));
    const all = this.#services.flatMap((service) =>
      service.slots.map((slot) => ({ service, slot })),
    );
    assertUnique(all.map(({ slot }) => slot.spec.id));
    const early = new Map<Slot, Promise<StartFailure | undefined>>();
    for (const { service, slot } of all) {
      if (slot.spec.awaits === "none") early.set(slot, this.#startFirst(service, slot));
    }
    const earlyFailure = firstFailure([...early.values()]);
    for (const { service, slot } of all) {
      if (this.#stopping !== undefined) break;
      const started = early.get(slot) ?? this.#startFirst(service, slot);
      const failure = await Promise.race([started, earlyFailure]);
      if (failure !== undefined && this.#stopping === undefined) {
        await this.stop();
        throw new ChildStartError(
          `${failure.spec.tag} did not start: ${failure.error.message}`,
          failure.error,
          failure.spec.id,
        );
      }
    }
    if (this.#stopping !== undefined) {
      await this.#stopping;
      throw new ChildStartError("the start was interrupted by a stop", undefined);
    }
  }

  /**
   * Stops the services in reverse order, the children of each together. A service has its `stopShare` of the time
   * that is left, then its children are killed; time that it does not need is the next one's.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /**
   * Takes a child out of service: it has `limitMs` to end, and is not started again. Tells how far it is; asked again,
   * it only tells.
   *
   * @throws {NoSuchChildError}, {ChildNotReadyError} for one that has yet to start, or starts again
   */
  drain(id: string, limitMs: number): "draining" | "drained" {
    const slots = this.#services.flatMap((service) => service.slots);
    const slot = slots.find(({ spec }) => spec.id === id);
    if (slot === undefined) {
      throw new NoSuchChildError(
        id,
        slots.map(({ spec }) => spec.id),
      );
    }
    if (slot.drain !== "none") return slot.drain;
    if (!slot.isParked && !slot.isReady) throw new ChildNotReadyError(id);
    slot.drain = "draining";
    void this.#drain(slot, limitMs);
    return slot.drain;
  }

  children(): readonly ChildStatus[] {
    return this.#services.flatMap(({ spec: { name: service }, slots }) =>
      slots.map(({ spec: { id }, running, restarts, isParked }) => ({
        ...{ id, service, restarts, isParked },
        isStuck: running?.isStuck ?? false,
      })),
    );
  }

  #service(spec: ServiceSpec): RunningService {
    const slots = spec.children.map((child) => ({
      ...{ spec: child, running: undefined, restarts: 0, attempt: 0 },
      ...{
        isReady: false,
        isParked: false,
        drain: "none" as const,
        probation: undefined,
        unwatch: undefined,
      },
    }));
    return { spec, budget: new RestartBudget(this.#options.clock, spec), slots };
  }

  async #startFirst(service: RunningService, slot: Slot): Promise<StartFailure | undefined> {
    const error = await this.#startChild(service, slot);
    return error && { spec: slot.spec, error };
  }

  /** Spawns an incarnation and waits until it is ready or has ended. Returns why it is not ready. */
  async #startChild(service: RunningService, slot: Slot): Promise<Error | undefined> {
    const { clock } = this.#options;
    const { spec } = slot;
    const startedAt = clock.now();
    const incarnation = new Incarnation({
      ...this.#options,
      spec,
      onExit: (exit) => this.#onExit(slot, exit),
    });
    slot.running = incarnation;
    slot.isReady = false;
    const { child, exited } = incarnation;
    const started = spec.start(child).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    const failure = await Promise.race([started, exited.then(exitError)]);
    if (failure === undefined) {
      const ms = clock.now() - startedAt;
      this.#emit({ type: "started", child: spec.id, id: child.id, ms, attempt: slot.attempt });
      this.#onReady(service, slot, incarnation);
      void exited.then((exit) => this.#replace(service, slot, exit));
      return undefined;
    }
    // How its thread failed says more than that its answer did not come.
    const exit = await incarnation.kill();
    return exit?.type === "error" ? exitError(exit) : failure;
  }

  #onReady(service: RunningService, slot: Slot, incarnation: Incarnation): void {
    slot.isParked = false;
    if (slot.running !== incarnation || this.#stopping !== undefined) return; // it has ended already
    slot.isReady = true;
    const { heartbeatTimeoutMs, periodMs } = service.spec;
    if (slot.attempt > 0) {
      slot.probation = this.#options.clock.after(periodMs, () => {
        this.#emit({ type: "recovered", child: slot.spec.id, attempt: slot.attempt });
        slot.attempt = 0;
      });
    }
    if (heartbeatTimeoutMs !== undefined) this.#watch(slot, incarnation, heartbeatTimeoutMs);
  }

  #watch(slot: Slot, incarnation: Incarnation, timeoutMs: number): void {
    let heartbeat = this.#heartbeats.get(timeoutMs);
    if (heartbeat === undefined) {
      heartbeat = new Heartbeat(this.#options.clock, timeoutMs);
      this.#heartbeats.set(timeoutMs, heartbeat);
    }
    const { child, pulse } = incarnation;
    slot.unwatch = heartbeat.watch({
      control: child.control,
      pulse,
      progress: () => slot.spec.progress?.(child),
      onHung: (endpoint) => void incarnation.killHung(timeoutMs, endpoint),
    });
  }

  #onExit(slot: Slot, exit: ActorExit): void {
    const { running, attempt, isReady: wasReady } = slot;
    assert(running !== undefined, `${slot.spec.id} ends once`);
    slot.running = undefined;
    release(slot);
    const { id } = running.child;
    this.#emit({ type: "ended", child: slot.spec.id, id, exit, wasReady, attempt });
  }

  async #drain(slot: Slot, limitMs: number): Promise<void> {
    const { running, spec } = slot;
    this.#emit({ type: "draining", child: spec.id, limitMs });
    release(slot); // a stop has its own limits
    await running?.stop(limitMs);
    slot.drain = "drained";
    this.#emit({ type: "drained", child: spec.id });
  }

  /** A child that ran has ended: does what its spec says. */
  async #replace(service: RunningService, slot: Slot, exit: ActorExit): Promise<void> {
    const { restart } = slot.spec;
    if (restart === "temporary" || (restart === "transient" && exit.type === "normal")) return;
    let cause: Error | undefined = exitError(exit);
    while (cause !== undefined && (await this.#mayRestart(service, slot, cause))) {
      slot.restarts++;
      const { restarts, attempt } = slot;
      this.#emit({ type: "restarting", child: slot.spec.id, restarts, attempt });
      cause = await this.#startChild(service, slot);
      // A thread that is stuck in native code may still write to what the next one would be lent.
      if (cause !== undefined) await slot.running?.exited;
    }
  }

  /** At once within the budget, later beyond it. False if there is a stop meanwhile. */
  async #mayRestart(service: RunningService, slot: Slot, cause: Error): Promise<boolean> {
    if (this.#stopping !== undefined || slot.drain !== "none") return false;
    if (slot.attempt === 0 && service.budget.take()) return true;
    const attempt = ++slot.attempt;
    slot.isParked = true;
    const delayMs = backOffMs(attempt, this.#options.random());
    const { name, intensity, periodMs } = service.spec;
    this.#emit({
      ...{ type: "parked", child: slot.spec.id, service: name, attempt, delayMs, cause },
      limits: { intensity, periodMs },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(delayMs, resolve);
    await Promise.race([promise, this.#stopRequested.promise]);
    timer.cancel();
    return this.#stopping === undefined && slot.drain === "none";
  }

  async #stopAll(): Promise<void> {
    const { clock, stopMs } = this.#options;
    const deadline = clock.now() + stopMs;
    this.#stopRequested.resolve();
    // A stop has its own limits, and what ends may be busy with it.
    for (const { slots } of this.#services) for (const slot of slots) release(slot);
    for (const { spec, slots } of [...this.#services].reverse()) {
      const limitMs = Math.max(0, deadline - clock.now()) * spec.stopShare;
      const stopped = [...slots].reverse().map(({ running, isReady, drain }) => {
        // None waits for the answers of one that is not ready.
        const hasCalls = isReady || drain !== "none";
        return running?.stop(hasCalls ? limitMs : Math.min(limitMs, STARTING_STOP_MS));
      });
      await Promise.all(stopped);
    }
    this.#hasEnded.resolve();
  }

  #emit(event: SupervisorEvent): void {
    this.#options.onEvent(event);
  }
}

/** How long a child that starts has to come to an end of it. */
const STARTING_STOP_MS = 500;

/** Ends what goes on beside an incarnation. */
function release(slot: Slot): void {
  slot.unwatch?.();
  slot.probation?.cancel();
  slot.unwatch = undefined;
  slot.probation = undefined;
}

/** Among several starts, the first that fails; never settles if none does. */
function firstFailure(starts: readonly Promise<StartFailure | undefined>[]): Promise<StartFailure> {
  return new Promise((resolve) => {
    for (const start of starts) void start.then((failure) => failure && resolve(failure));
  });
}

function assertUnique(ids: readonly string[]): void {
  for (const [index, id] of ids.entries()) {
    assert(ids.indexOf(id) === index, `two children "${id}"`);
  }
}

/** The deployment has no such instance; the message names those that there are. */
export class NoSuchChildError extends DynamoError {
  override readonly code = "no_such_instance";

  constructor(id: string, known: readonly string[]) {
    super(`there is no instance ${JSON.stringify(id)}; there are: ${known.join(", ")}`);
  }
}

/** An instance that starts has nothing to drain, and may have failed a moment later. */
export class ChildNotReadyError extends DynamoError {
  override readonly code = "instance_not_ready";

  constructor(id: string) {
    super(`${id} is starting and has nothing to drain; try again when it runs`);
  }
}

/** A child failed while the supervisor started its children for the first time. */
export class ChildStartError extends DynamoError {
  override readonly code = "child_start";

  /** The id in the spec of the child that failed. */
  readonly child: string | undefined;

  constructor(message: string, cause: Error | undefined, child?: string) {
    super(message);
    this.cause = cause;
    this.child = child;
  }
}
