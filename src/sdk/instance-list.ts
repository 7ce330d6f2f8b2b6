// The live instances of one service, kept up to date by a watch.

import type { ActorId } from "../actor/actor-id.ts";
import type { InstanceId } from "../registry/instance-id.ts";
import { instancePrefix, parseInstanceKey, reachOf } from "../registry/instance-key.ts";
import type { Mirror, MirrorUpdate } from "../registry/mirror.ts";
import type { KeyValue, Revision } from "../registry/registry.ts";
import type { RegistryView } from "../registry/registry-view.ts";

export class InstanceList {
  readonly service: string;
  readonly #mirror: Mirror;
  /** Keys, since an instance has one for each of its endpoints. */
  readonly #keys = new Map<string, Entry>();
  readonly #actors = new Map<InstanceId, ActorId>();
  /** Seen to be down before the registry said so. */
  readonly #avoided = new Set<InstanceId>();
  readonly #listeners = new Set<() => void>();
  #live: readonly InstanceId[] = [];

  constructor(
    registry: RegistryView,
    service: { readonly name: string; readonly namespace: string },
  ) {
    this.service = service.name;
    const { namespace, name: component } = service;
    this.#mirror = registry.mirror(instancePrefix({ namespace, component }));
  }

  /** Oldest first. A new array after every change. */
  get live(): readonly InstanceId[] {
    return this.#live;
  }

  /** The actor that runs an instance; `undefined` for one that is not in the registry. */
  actorOf(instance: InstanceId): ActorId | undefined {
    return this.#actors.get(instance);
  }

  /** Reads what there is. From then on, `run()` follows. */
  async open(): Promise<void> {
    const { done, value } = await this.#mirror.next();
    if (!done) this.#apply(value);
  }

  /** Follows the registry until `close()`, or until the registry closes. */
  async run(): Promise<void> {
    for await (const update of this.#mirror) this.#apply(update);
  }

  close(): void {
    void this.#mirror.return();
  }

  /** Passes over an instance that was seen to be down, until the registry says something new. */
  avoid(instance: InstanceId): void {
    if (!this.#live.includes(instance)) return;
    this.#avoided.add(instance);
    this.#update();
  }

  /** Calls `listener` after each change. Returns how to end that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async waitFor(count: number): Promise<readonly InstanceId[]> {
    if (this.#live.length >= count) return this.#live;
    const { promise, resolve } = Promise.withResolvers<void>();
    const forget = this.onChange(() => {
      if (this.#live.length >= count) resolve();
    });
    try {
      await promise;
      return this.#live;
    } finally {
      forget();
    }
  }

  #apply({ type, events }: MirrorUpdate): void {
    if (type === "base") this.#keys.clear();
    for (const event of events) {
      if (event.type === "put") this.#keys.set(event.keyValue.key, entryOf(event.keyValue));
      else this.#keys.delete(event.key);
    }
    this.#avoided.clear();
    this.#update();
  }

  #update(): void {
    const since = new Map<InstanceId, Revision>();
    this.#actors.clear();
    for (const { instance, actor, createRevision } of this.#keys.values()) {
      this.#actors.set(instance, actor);
      since.set(instance, Math.min(createRevision, since.get(instance) ?? Infinity));
    }
    this.#live = [...since]
      .filter(([instance]) => !this.#avoided.has(instance))
      .sort(([a, sinceA], [b, sinceB]) => sinceA - sinceB || a - b)
      .map(([instance]) => instance);
    for (const listener of this.#listeners) listener();
  }
}

interface Entry {
  readonly instance: InstanceId;
  readonly actor: ActorId;
  readonly createRevision: Revision;
}

function entryOf({ key, value, createRevision }: KeyValue): Entry {
  const { instanceId: instance } = parseInstanceKey(key);
  return { instance, actor: reachOf(value).thread, createRevision };
}
