// One life of a child: its thread, from the spawn to the end that others are told of.

import type { Clock } from "../base/clock.ts";
import { actorEnd } from "./actor-exit.ts";
import type { ActorExit, ActorHost, ActorThread } from "./actor-host.ts";
import type { Child, ChildSpec, StopOrder } from "./child-spec.ts";
import { ControlPort } from "./control-port.ts";
import { createPulse } from "./pulse.ts";
import type { SupervisorEvent } from "./supervisor-event.ts";

export interface IncarnationOptions {
  readonly spec: ChildSpec;
  readonly host: ActorHost;
  readonly clock: Clock;
  readonly onEvent: (event: SupervisorEvent) => void;
  /** The thread has ended; what it left behind is not cleaned up yet. */
  readonly onExit: (exit: ActorExit) => void;
}

/** Time for a killed thread to end: the native call that it is in returns first. */
const KILL_MS = 2000;

export class Incarnation {
  readonly child: Child;
  readonly pulse = createPulse();
  /** Resolves when the thread has ended, all is cleaned up, and others have been told. */
  readonly exited: Promise<ActorExit>;
  readonly #options: IncarnationOptions;
  readonly #thread: ActorThread;
  #hungForMs: number | undefined;
  #isStuck = false;

  constructor(options: IncarnationOptions) {
    const { spec, host } = options;
    const { tag, env } = spec;
    const id = host.roster.nextActorId();
    this.#options = options;
    this.#thread = host.spawn({ id, tag, data: spec.data(id), env, pulse: this.pulse });
    this.child = { id, tag, control: new ControlPort(this.#thread) };
    host.roster.attach(id, this.child.control);
    const { promise, resolve } = Promise.withResolvers<ActorExit>();
    this.exited = promise.then((exit) => this.#cleanUp(exit));
    this.#thread.onExit(resolve);
  }

  /** It was killed and does not end: its thread is inside native code, and nothing but a new process helps. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Asks it to end; kills it after `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    const { spec, onEvent } = this.#options;
    const order: StopOrder = { deadlineMs: limitMs };
    this.child.control.push("stop", order);
    if ((await this.#within(limitMs)) !== undefined) return;
    onEvent({ type: "killed", child: spec.id, id: this.child.id, afterMs: limitMs });
    await this.kill();
  }

  /**
   * Ends the thread without asking, and waits for its exit. Undefined if the exit does not come: then callers that wait
   * for the child's answers are told at once. All else waits until the thread has really ended, since it may still
   * write to memory that it holds.
   */
  async kill(): Promise<ActorExit | undefined> {
    const { spec, host, onEvent } = this.#options;
    this.#thread.terminate();
    const exit = await this.#within(KILL_MS);
    if (exit === undefined) {
      this.#isStuck = true;
      onEvent({ type: "stuck", child: spec.id, id: this.child.id });
      host.roster.detach(this.child.id, actorEnd(this.#judge({ type: "killed" })));
    }
    return exit;
  }

  /** It has not answered for `forMs`: kills it, and says so of its end. */
  async killHung(forMs: number, endpoint: string | undefined): Promise<void> {
    const { spec, onEvent } = this.#options;
    this.#hungForMs = forMs;
    onEvent({ type: "hung", child: spec.id, id: this.child.id, forMs, endpoint });
    spec.hung?.(this.child);
    await this.kill();
  }

  async #cleanUp(threadExit: ActorExit): Promise<ActorExit> {
    const { spec, host, onEvent, onExit } = this.#options;
    const exit = this.#judge(threadExit);
    onExit(exit);
    try {
      await spec.ended?.(this.child, exit);
    } catch (error) {
      onEvent({ type: "cleanup_failed", child: spec.id, error });
    }
    // Only now: others may use again what the child had been lent, as soon as they hear of its end.
    host.roster.detach(this.child.id, actorEnd(exit));
    return exit;
  }

  /** A kill that followed a hang is the hang's. */
  #judge(exit: ActorExit): ActorExit {
    if (exit.type !== "killed" || this.#hungForMs === undefined) return exit;
    return { type: "timeout", afterMs: this.#hungForMs };
  }

  async #within(limitMs: number): Promise<ActorExit | undefined> {
    const late = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.after(limitMs, () => late.resolve(undefined));
    const exit = await Promise.race([this.exited, late.promise]);
    timer.cancel();
    return exit;
  }
}
