// The live instances of one service, kept up to date by a watch.

import { errorCode } from "../base/error.ts";
import { instancePrefix, parseInstanceKey } from "../registry/instance-key.ts";
import type { Watch, WatchEvent } from "../registry/registry.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { InstanceId } from "./client.ts";

export class InstanceList {
  readonly service: string;
  readonly #registry: RegistryClient;
  readonly #prefix: string;
  /** Keys, since an instance has one for each of its endpoints. */
  readonly #keys = new Set<string>();
  /** Seen to be down before the registry said so. */
  readonly #avoided = new Set<InstanceId>();
  readonly #listeners = new Set<() => void>();
  #live: readonly InstanceId[] = [];
  #watch: Watch | undefined;

  constructor(
    registry: RegistryClient,
    service: { readonly name: string; readonly namespace: string },
  ) {
    this.service = service.name;
    this.#registry = registry;
    this.#prefix = instancePrefix({ namespace: service.namespace, component: service.name });
  }

  /** Oldest first. A new array after every change. */
  get live(): readonly InstanceId[] {
    return this.#live;
  }

  /** Reads what there is. From then on, `run()` follows. */
  async open(): Promise<void> {
    const { revision, keyValues } = await this.#registry.range(this.#prefix);
    this.#keys.clear();
    for (const { key } of keyValues) this.#keys.add(key);
    this.#watch = this.#registry.watch(this.#prefix, { fromRevision: revision + 1 });
    this.#update();
  }

  /** Follows the registry until `close()`, or until the registry closes. */
  async run(): Promise<void> {
    while (this.#watch) {
      try {
        for await (const { events } of this.#watch) this.#apply(events);
        return;
      } catch (error) {
        if (!this.#watch) return;
        if (errorCode(error) !== "compacted") throw error;
        await this.open();
      }
    }
  }

  close(): void {
    void this.#watch?.return();
    this.#watch = undefined;
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

  #apply(events: readonly WatchEvent[]): void {
    for (const event of events) {
      if (event.type === "put") this.#keys.add(event.keyValue.key);
      else this.#keys.delete(event.key);
    }
    this.#avoided.clear();
    this.#update();
  }

  #update(): void {
    const ids = new Set<InstanceId>();
    for (const key of this.#keys) ids.add(parseInstanceKey(key).instanceId);
    this.#live = [...ids.difference(this.#avoided)].sort((a, b) => a - b);
    for (const listener of this.#listeners) listener();
  }
}
