// One incarnation of a service as the main thread knows it: what it is called, and the answers to what it asks for.

import type { ActorId } from "../actor/actor-id.ts";
import type { Child } from "../actor/child-spec.ts";
import { serveQueues } from "../queue/queue-server.ts";
import type { QueueMember, WorkQueues } from "../queue/work-queue.ts";
import type { InstanceId } from "../registry/instance-id.ts";
import { instanceKey, instanceValue } from "../registry/instance-key.ts";
import type { LeaseId, Registry } from "../registry/registry.ts";
import { type RegistryServer, serveRegistry } from "../registry/registry-server.ts";
import type { Door } from "../sdk/door.ts";
import {
  ANNOUNCE,
  type ClusterReport,
  DRAIN,
  type Drain,
  LEAVE,
  LOCATE,
  READY,
  type Ready,
  SCRAPE,
} from "../sdk/instance-control.ts";
import {
  LIST_SETTINGS,
  type LiveSetting,
  type LiveSettings,
  SET_SETTING,
} from "../sdk/live-settings.ts";
import type { ServicePlan } from "./plan.ts";

/** Names of one incarnation, beside its actor's id. None of the three follows from another. */
export interface Identity {
  readonly instanceId: InstanceId;
  /** Owner of what it holds in the process beside its thread. */
  readonly owner: number;
}

/** Objects that all instances of a deployment ask. */
export interface Cluster {
  readonly registry: Registry;
  readonly queues: WorkQueues;
  readonly settings: LiveSettings;
  scrape(): Promise<ClusterReport>;
  /** @throws {NoSuchChildError}, {ChildNotReadyError} */
  drain(child: string): Drain;
  /** @throws {ActorDownError} for an instance that does not run */
  locate(instance: InstanceId): ActorId;
  /** An instance of `service` says where people reach it; undefined if it never will. */
  announced(service: string, door: Door | undefined): void;
}

export interface ServedInstanceOptions {
  readonly service: ServicePlan;
  readonly workerId: number;
  readonly child: Child;
  readonly identity: Identity;
  readonly cluster: Cluster;
}

export class ServedInstance {
  readonly service: ServicePlan;
  readonly workerId: number;
  readonly child: Child;
  readonly identity: Identity;
  /** Resolves once callers can find it. */
  readonly ready: Promise<void>;
  readonly #cluster: Cluster;
  readonly #lease: Promise<LeaseId>;
  readonly #registryServer: RegistryServer;
  readonly #member: QueueMember;
  #hasLeft = false;

  constructor({ service, workerId, child, identity, cluster }: ServedInstanceOptions) {
    const { control } = child;
    const { registry, queues } = cluster;
    this.service = service;
    this.workerId = workerId;
    this.child = child;
    this.identity = identity;
    this.#cluster = cluster;
    this.#lease = registry.grant();
    this.#registryServer = serveRegistry({ control, registry, lease: this.#lease });
    this.#member = queues.join(identity.instanceId);
    serveQueues(control, this.#member);
    const entered = this.#serve();
    this.ready = Promise.all([this.#lease, entered]).then(() => {});
  }

  /** It drains, hangs or has ended: callers find it no more, and it gets no more work. Idempotent. */
  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#member.leave();
    await this.#cluster.registry.revoke(await this.#lease);
  }

  /** Its thread has ended, and may yet be written to by what it had begun: it watches nothing any more. */
  closeWatches(): void {
    this.#registryServer.close();
  }

  /** Returns the work it had taken to others. */
  returnWork(): void {
    this.#member.end();
  }

  /** Answers its requests. Resolves once it is in the registry. */
  #serve(): Promise<void> {
    const { control } = this.child;
    const { settings, scrape, locate, announced, drain } = this.#cluster;
    const { name } = this.service;
    const entered = Promise.withResolvers<void>();
    control.onRequest(LEAVE, () => this.leave());
    control.onRequest(SCRAPE, scrape);
    control.onRequest<InstanceId>(LOCATE, locate);
    control.onRequest<string>(DRAIN, drain);
    control.onRequest(LIST_SETTINGS, () => settings.list());
    control.onRequest<LiveSetting>(SET_SETTING, (setting) => settings.set(setting));
    control.onRequest<Door>(ANNOUNCE, (door) => announced(name, door));
    control.onRequest<Ready>(READY, async ({ endpoints, announces }) => {
      if (!announces) announced(name, undefined);
      await this.#enter(endpoints);
      entered.resolve();
    });
    return entered.promise;
  }

  /** All endpoints in one revision: an instance is found whole or not at all. */
  async #enter(endpoints: readonly string[]): Promise<void> {
    const { namespace, name: component } = this.service;
    const { instanceId } = this.identity;
    const lease = await this.#lease;
    await this.#cluster.registry.txn({
      compare: [],
      success: endpoints.map((endpoint) => {
        const address = { namespace, component, endpoint, instanceId };
        const value = instanceValue(address, { thread: this.child.id });
        return { type: "put", key: instanceKey(address), value, lease };
      }),
    });
  }
}
