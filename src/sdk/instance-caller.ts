// Calls instances by their ids: finds the actor that runs one, and makes what comes back usable.

import type { Actor } from "../actor/actor.ts";
import type { ActorId } from "../actor/actor-id.ts";
import type { Call } from "../actor/call.ts";
import { ActorDownError } from "../actor/error.ts";
import { DynamoError } from "../base/error.ts";
import type { InstanceId } from "../registry/instance-id.ts";
import { type ClientCall, InstanceCall } from "./client-call.ts";
import { LocatedCall } from "./located-call.ts";
import { type Reference, reviveRefs } from "./ref.ts";

export interface InstanceCallerOptions {
  readonly actor: Actor;
  /** The actor that runs an instance, which may be in no registry: it drains, or has just ended. */
  readonly locate: (instance: InstanceId) => Promise<ActorId>;
  /** Makes a reference callable. */
  readonly revive: (reference: Reference) => object;
}

/** An instance, and the actor that runs it where the caller knows. */
export interface Callee {
  readonly instance: InstanceId;
  readonly actor: ActorId | undefined;
}

/** Actors that were asked for and are remembered. */
const MAX_LOCATED = 1024;

export class InstanceCaller {
  readonly #options: InstanceCallerOptions;
  /** Instances that were asked for, oldest first. */
  readonly #located = new Map<InstanceId, ActorId>();

  constructor(options: InstanceCallerOptions) {
    this.#options = options;
  }

  call(
    { instance, actor = this.#located.get(instance) }: Callee,
    endpoint: string,
    args: readonly unknown[],
    onDown: () => void = () => {},
  ): ClientCall {
    return new InstanceCall({
      call: this.#open(instance, actor, endpoint, args),
      receive: this.receive,
      onFailure: (error) => {
        // A callee's answer has the code and not the class: that an actor behind it is down is not its own end.
        if (!(error instanceof ActorDownError)) return;
        this.#located.delete(instance);
        onDown();
      },
    });
  }

  /** Makes what has arrived for this actor usable: references in it become callable. */
  readonly receive = (value: unknown): unknown => reviveRefs(value, this.#options.revive);

  #open(
    instance: InstanceId,
    known: ActorId | undefined,
    endpoint: string,
    args: readonly unknown[],
  ): Call {
    const { actor } = this.#options;
    if (known !== undefined) return actor.call(known, endpoint, args);
    const located = this.#locate(instance, endpoint);
    return new LocatedCall(actor, located, (target) => actor.call(target, endpoint, args));
  }

  async #locate(instance: InstanceId, endpoint: string): Promise<ActorId> {
    try {
      const target = await this.#options.locate(instance);
      this.#remember(instance, target);
      return target;
    } catch (error) {
      if (!(error instanceof DynamoError) || error.code !== "actor_down") throw error;
      throw new ActorDownError(`${endpoint}: ${error.message}`);
    }
  }

  #remember(instance: InstanceId, target: ActorId): void {
    const [oldest] = this.#located.keys();
    if (this.#located.size >= MAX_LOCATED && oldest !== undefined) this.#located.delete(oldest);
    this.#located.set(instance, target);
  }
}
