// References on the wire: a plain tagged value, `{ "dyn:ref": 7n, "dyn:actor": 3, "dyn:service": "VllmWorker" }`, which the
// receiving actor turns into something callable again. A bigint is what no JSON holds, so no client can make one.

import type { ActorId } from "../actor/actor-id.ts";
import type { InstanceId } from "../registry/instance-id.ts";

export interface Reference {
  readonly instance: InstanceId;
  /** The actor that runs it, where the maker of the reference knew. */
  readonly actor: ActorId | undefined;
  /** Its service; for messages about it. */
  readonly service: string;
}

interface WireReference {
  readonly "dyn:ref": bigint;
  readonly "dyn:actor": ActorId | undefined;
  readonly "dyn:service": string;
}

/** The wire's form of a reference, as an object to call endpoints on. */
export function wireReference({ instance, actor, service }: Reference): object {
  const wire: WireReference = {
    "dyn:ref": BigInt(instance),
    "dyn:actor": actor,
    "dyn:service": service,
  };
  return Object.defineProperty(wire, "instance", { value: instance, enumerable: false });
}

type Revive = (reference: Reference) => unknown;

/**
 * Replaces the references in what has just been unpacked, in place, and returns it.
 * Per message: a walk over plain objects, arrays and maps, some 10 ns a field; typed arrays are passed over.
 */
export function reviveRefs(value: unknown, revive: Revive): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (isWireReference(value)) {
    return revive({
      instance: Number(value["dyn:ref"]),
      actor: value["dyn:actor"],
      service: value["dyn:service"],
    });
  }
  if (Array.isArray(value)) reviveItems(value, revive);
  else if (value instanceof Map) reviveEntries(value, revive);
  else reviveFields(value, revive);
  return value;
}

function reviveItems(items: unknown[], revive: Revive): void {
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (typeof item === "object") items[index] = reviveRefs(item, revive);
  }
}

function reviveEntries(entries: Map<unknown, unknown>, revive: Revive): void {
  for (const [key, item] of entries) {
    if (typeof item === "object") entries.set(key, reviveRefs(item, revive));
  }
}

function reviveFields(value: object, revive: Revive): void {
  const fields = value as Record<string, unknown>; // a lane carries plain data only
  for (const name in fields) {
    const item = fields[name];
    if (typeof item === "object") fields[name] = reviveRefs(item, revive);
  }
}

function isWireReference(value: object): value is WireReference {
  return "dyn:ref" in value && typeof value["dyn:ref"] === "bigint";
}
