// Where an instance of a service stands in the registry, as Dynamo writes it:
//
//   instances/{namespace}/{component}/{endpoint}:{instance id in hex}

import { DynamoError } from "../base/error.ts";

export interface InstanceAddress {
  readonly namespace: string;
  readonly component: string;
  /** May contain slashes. */
  readonly endpoint: string;
  readonly instanceId: number;
}

export function instanceKey({
  namespace,
  component,
  endpoint,
  instanceId,
}: InstanceAddress): string {
  return `${instancePrefix({ namespace, component })}${endpoint}:${instanceId.toString(16)}`;
}

/** Of all instances of a component, whatever the endpoint. */
export function instancePrefix(of: Pick<InstanceAddress, "namespace" | "component">): string {
  return `instances/${of.namespace}/${of.component}/`;
}

/** What stands under the key; the same, for readers that do not parse keys. */
export function instanceValue({
  namespace,
  component,
  endpoint,
  instanceId,
}: InstanceAddress): string {
  return JSON.stringify({ component, endpoint, namespace, instance_id: instanceId });
}

export function parseInstanceKey(key: string): InstanceAddress {
  const [, namespace, component, endpoint, id] = INSTANCE_KEY.exec(key) ?? [];
  if (!(namespace && component && endpoint && id)) {
    throw new InstanceKeyError(
      `${JSON.stringify(key)} is no instance key: expected instances/namespace/component/endpoint:hex`,
      { key },
    );
  }
  return { namespace, component, endpoint, instanceId: Number.parseInt(id, 16) };
}

const INSTANCE_KEY = /^instances\/([^/]+)\/([^/]+)\/(.+):([0-9a-f]+)$/;

class InstanceKeyError extends DynamoError {
  override readonly code = "invalid_instance_key";
}
