// The live instances of one service, kept up to date by a watch.

import { instancePrefix, parseInstanceKey } from "../registry/instance-key.ts";
import type { Mirror, MirrorUpdate } from "../registry/mirror.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { InstanceId } from "./client.ts";

export class InstanceList {
  readonly service: string;
  readonly #mirror: Mirror;
  /** Keys, since an instance has one for each of its endpoints. */
  readonly #keys = new Set<string>();
  /** Seen to be down before the registry said so. */
  readonly #avoided = new Set<InstanceId>();
  readonly #listeners = new Set<() => void>();
  #live: readonly InstanceId[] = [];

  constructor(
    registry: RegistryClient,
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
