// Key of a service's instance in the registry, as Dynamo writes it:
//
//   instances/{namespace}/{component}/{endpoint}:{instance id in hex}
//     {"component": ..., "endpoint": ..., "namespace": ..., "instance_id": "1f", "transport": {"thread": 7}}

import { DynamoError } from "../base/error.ts";
import { formatInstanceId, type InstanceId, parseInstanceId } from "./instance-id.ts";

export interface InstanceAddress {
  readonly namespace: string;
  readonly component: string;
  /** May contain slashes. */
  readonly endpoint: string;
  readonly instanceId: InstanceId;
}

/** How an instance is reached, by transport. `thread`: the actor of that id, in the process of the id's node. */
export interface Reach {
  readonly thread: number;
}

export function instanceKey({
  namespace,
  component,
  endpoint,
  instanceId,
}: InstanceAddress): string {
  return `${instancePrefix({ namespace, component })}${endpoint}:${formatInstanceId(instanceId)}`;
}

/** Prefix of all instances of a component, whatever the endpoint. */
export function instancePrefix(of: Pick<InstanceAddress, "namespace" | "component">): string {
  return `instances/${of.namespace}/${of.component}/`;
}

/** Value under the key: the same, for readers that do not parse keys, and how the instance is reached. */
export function instanceValue(address: InstanceAddress, transport: Reach): string {
  const { namespace, component, endpoint, instanceId } = address;
  const instance_id = formatInstanceId(instanceId);
  return JSON.stringify({ component, endpoint, namespace, instance_id, transport });
}

/** @throws {InstanceKeyError} for a key that is none of an instance */
export function parseInstanceKey(key: string): InstanceAddress {
  const [, namespace, component, endpoint, id] = INSTANCE_KEY.exec(key) ?? [];
  const instanceId = parseInstanceId(id ?? "");
  if (!(namespace && component && endpoint) || instanceId === undefined) {
    throw new InstanceKeyError(
      `${JSON.stringify(key)} is no instance key: expected instances/namespace/component/endpoint:hex`,
      { key },
    );
  }
  return { namespace, component, endpoint, instanceId };
}

/** How an instance is reached, from the value under one of its keys. Written by this version of the executable. */
export function reachOf(value: string): Reach {
  const { transport }: { readonly transport: Reach } = JSON.parse(value);
  return transport;
}

const INSTANCE_KEY = /^instances\/([^/]+)\/([^/]+)\/(.+):([0-9a-f]+)$/;

class InstanceKeyError extends DynamoError {
  override readonly code = "invalid_instance_key";
}
