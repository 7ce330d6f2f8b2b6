// The incarnations of a deployment: what each is called, and what the main thread does when one starts, hangs or ends.

import type { ActorId } from "../actor/actor-id.ts";
import type { Child } from "../actor/child-spec.ts";
import { ActorDownError } from "../actor/error.ts";
import { assert } from "../base/assert.ts";
import type { Logger } from "../base/log.ts";
import type { InstanceId, InstanceIds } from "../registry/instance-id.ts";
import type { ServicePlan } from "./plan.ts";
import { type Cluster, type Identity, ServedInstance } from "./served-instance.ts";

export interface DeployedInstancesOptions {
  readonly ids: InstanceIds;
  readonly cluster: Omit<Cluster, "locate">;
  readonly log: Logger;
}

export class DeployedInstances {
  readonly #ids: InstanceIds;
  readonly #cluster: Cluster;
  readonly #log: Logger;
  readonly #running = new Map<ActorId, ServedInstance>();
  readonly #identities = new Map<ActorId, Identity>();
  /** By child: its last incarnation, which may have ended. */
  readonly #lastActors = new Map<string, ActorId>();
  #lastOwner = 0;

  constructor({ ids, cluster, log }: DeployedInstancesOptions) {
    this.#ids = ids;
    this.#cluster = { ...cluster, locate: (instance) => this.#locate(instance) };
    this.#log = log;
  }

  get running(): readonly ServedInstance[] {
    return [...this.#running.values()];
  }

  /** Names the next incarnation of a child. The one before it has ended and is forgotten. */
  identify(child: string, actor: ActorId): Identity {
    const last = this.#lastActors.get(child);
    if (last !== undefined) this.#identities.delete(last);
    this.#lastActors.set(child, actor);
    const identity = { instanceId: this.#ids.next(), owner: ++this.#lastOwner };
    this.#identities.set(actor, identity);
    return identity;
  }

  identityOf(actor: ActorId): Identity {
    const identity = this.#identities.get(actor);
    assert(identity, `actor ${actor} is the last incarnation of its child`);
    return identity;
  }

  /** Resolves once callers can find the instance. */
  async start(service: ServicePlan, workerId: number, child: Child): Promise<void> {
    const identity = this.identityOf(child.id);
    const cluster = this.#cluster;
    const instance = new ServedInstance({ service, workerId, child, identity, cluster });
    this.#running.set(child.id, instance);
    await instance.ready;
  }

  /** It cannot answer, so it is no longer found: what watches it for health is told. */
  hang(child: Child): void {
    const left = this.#running.get(child.id)?.leave();
    left?.catch((error: unknown) => {
      this.#log.error(`${child.tag} hangs and could not be taken out of the registry: ${error}`);
    });
  }

  /** First what it may still be writing to, then what tells others to go on without it. */
  async end(service: ServicePlan, prepared: unknown, child: Child): Promise<void> {
    const instance = this.#running.get(child.id);
    this.#running.delete(child.id);
    instance?.closeWatches();
    try {
      await service.service.release?.(prepared, this.identityOf(child.id));
    } finally {
      await instance?.leave();
      instance?.returnWork();
    }
  }

  #locate(instanceId: InstanceId): ActorId {
    for (const { identity, child } of this.#running.values()) {
      if (identity.instanceId === instanceId) return child.id;
    }
    throw new ActorDownError(`instance ${instanceId} is not running: it has ended, or never was`);
  }
}
