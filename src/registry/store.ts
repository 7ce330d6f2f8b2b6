// The keys and values as they are now. Knows no history, no time and no watcher: it turns operations into events.

import { assert, unreachable } from "../base/assert.ts";
import { DuplicateKeyError, RegistryLimitError } from "./error.ts";
import { compareKeys, lowerBound } from "./key-order.ts";
import type { Compare, KeyValue, Operation, Revision, WatchEvent } from "./registry.ts";

export interface StoreLimits {
  readonly maxKeys: number;
  /** In UTF-16 units, of a key or a value. */
  readonly maxLength: number;
  readonly maxOperations: number;
}

/** Keys and values as they were at a revision. */
export interface Stored {
  readonly revision: Revision;
  readonly keyValues: readonly KeyValue[];
}

export interface Applied {
  readonly events: readonly WatchEvent[];
  /** Key-values that the puts and deletes took the place of. */
  readonly replaced: readonly KeyValue[];
  readonly ranges: readonly (readonly KeyValue[])[];
}

export class Store {
  readonly #limits: StoreLimits;
  readonly #keyValues = new Map<string, KeyValue>();
  /** Some hundred instances and settings: a sorted array beats a tree. */
  readonly #sortedKeys: string[] = [];
  #revision: Revision;

  /** `stored`: its content at the start. Default: none, at revision 1. */
  constructor(limits: StoreLimits, stored: Stored = { revision: 1, keyValues: [] }) {
    this.#limits = limits;
    this.#revision = stored.revision;
    for (const keyValue of stored.keyValues) this.#insert(keyValue);
  }

  get revision(): Revision {
    return this.#revision;
  }

  get(key: string): KeyValue | undefined {
    return this.#keyValues.get(key);
  }

  range(prefix: string): readonly KeyValue[] {
    return this.#keysWith(prefix).map((key) => this.#existing(key));
  }

  holds(compare: Compare): boolean {
    const keyValue = this.#keyValues.get(compare.key);
    if (compare.target === "value") {
      return (
        keyValue !== undefined &&
        satisfies(compareKeys(keyValue.value, compare.operand), compare.operator)
      );
    }
    return satisfies((keyValue?.[compare.target] ?? 0) - compare.operand, compare.operator);
  }

  /** Does all of `operations` in one revision, or none of them. */
  apply(operations: readonly Operation[]): Applied {
    this.#check(operations);
    const change = new Change(this.#revision + 1);
    const ranges: (readonly KeyValue[])[] = [];
    for (const operation of operations) {
      switch (operation.type) {
        case "put":
          this.#put(operation, change);
          break;
        case "delete":
          this.#delete(operation.key, change);
          break;
        case "deletePrefix":
          for (const key of this.#keysWith(operation.prefix)) this.#delete(key, change);
          break;
        case "range":
          ranges.push(this.range(operation.prefix));
          break;
        default:
          unreachable(operation);
      }
    }
    return { ...this.#commit(change), ranges };
  }

  /** Takes back what was applied last. */
  revert({ events, replaced }: Pick<Applied, "events" | "replaced">): void {
    if (events.length === 0) return;
    for (const event of events) if (event.type === "put") this.#remove(event.keyValue.key);
    for (const keyValue of replaced) this.#insert(keyValue);
    this.#revision--;
  }

  /** Deletes in one revision any number of keys. */
  deleteKeys(keys: readonly string[]): Applied {
    const change = new Change(this.#revision + 1);
    for (const key of keys) this.#delete(key, change);
    return { ...this.#commit(change), ranges: [] };
  }

  #put({ key, value, lease }: Extract<Operation, { type: "put" }>, change: Change): void {
    const previous = this.#keyValues.get(key);
    if (previous) change.replaced.push(previous);
    const keyValue: KeyValue = {
      key,
      value,
      createRevision: previous?.createRevision ?? change.revision,
      modRevision: change.revision,
      version: (previous?.version ?? 0) + 1,
      lease,
    };
    this.#insert(keyValue);
    change.events.push({ type: "put", keyValue });
  }

  #delete(key: string, change: Change): void {
    const previous = this.#keyValues.get(key);
    if (!previous) return;
    this.#remove(key);
    change.replaced.push(previous);
    change.events.push({ type: "delete", key, modRevision: change.revision });
  }

  #insert(keyValue: KeyValue): void {
    const { key } = keyValue;
    if (!this.#keyValues.has(key)) {
      this.#sortedKeys.splice(lowerBound(this.#sortedKeys, key), 0, key);
    }
    this.#keyValues.set(key, keyValue);
  }

  #remove(key: string): void {
    this.#keyValues.delete(key);
    this.#sortedKeys.splice(lowerBound(this.#sortedKeys, key), 1);
  }

  #commit({ revision, events, replaced }: Change): Pick<Applied, "events" | "replaced"> {
    if (events.length > 0) this.#revision = revision;
    return { events, replaced };
  }

  #keysWith(prefix: string): readonly string[] {
    const start = lowerBound(this.#sortedKeys, prefix);
    let end = start;
    while (this.#sortedKeys[end]?.startsWith(prefix)) end++;
    return this.#sortedKeys.slice(start, end);
  }

  #existing(key: string): KeyValue {
    const keyValue = this.#keyValues.get(key);
    assert(keyValue, `key ${key} is in the order but not in the store`);
    return keyValue;
  }

  #check(operations: readonly Operation[]): void {
    const { maxKeys, maxLength, maxOperations } = this.#limits;
    if (operations.length > maxOperations) {
      throw new RegistryLimitError(
        `a transaction has ${operations.length} operations; at most ${maxOperations} are allowed, so split it`,
      );
    }
    const puts = operations.filter((operation) => operation.type === "put");
    for (const { key, value } of puts) {
      assert(key.isWellFormed(), "a key is well-formed Unicode");
      if (key.length > maxLength || value.length > maxLength) {
        throw new RegistryLimitError(
          `${JSON.stringify(key.slice(0, 80))} or its value is longer than ${maxLength}; keep large data elsewhere and put its address here`,
        );
      }
    }
    checkWrittenOnce(operations);
    if (this.#keyValues.size + puts.length > maxKeys) {
      const numNew = puts.filter(({ key }) => !this.#keyValues.has(key)).length;
      if (this.#keyValues.size + numNew > maxKeys) {
        throw new RegistryLimitError(
          `the registry holds its limit of ${maxKeys} keys; delete some`,
        );
      }
    }
  }
}

/** Work of one revision so far. */
class Change {
  readonly events: WatchEvent[] = [];
  readonly replaced: KeyValue[] = [];

  readonly revision: Revision;

  constructor(revision: Revision) {
    this.revision = revision;
  }
}

function satisfies(difference: number, operator: Compare["operator"]): boolean {
  switch (operator) {
    case "=":
      return difference === 0;
    case "!=":
      return difference !== 0;
    case "<":
      return difference < 0;
    case ">":
      return difference > 0;
    default:
      return unreachable(operator);
  }
}

function checkWrittenOnce(operations: readonly Operation[]): void {
  const keys = new Set<string>();
  const prefixes: string[] = [];
  for (const operation of operations) {
    if (operation.type === "range") continue;
    if (operation.type === "deletePrefix") {
      prefixes.push(operation.prefix);
      continue;
    }
    if (keys.has(operation.key)) throw new DuplicateKeyError(operation.key);
    keys.add(operation.key);
  }
  for (const [index, prefix] of prefixes.entries()) {
    const twice =
      [...keys].find((key) => key.startsWith(prefix)) ??
      prefixes
        .slice(0, index)
        .find((other) => other.startsWith(prefix) || prefix.startsWith(other));
    if (twice !== undefined) throw new DuplicateKeyError(twice);
  }
}
