// The main thread's side of a RegistryClient: one for each instance, writing under its lease, which may be on its way.

import type { ControlPort } from "../actor/control-port.ts";
import { assert, unreachable } from "../base/assert.ts";
import type { LeaseId, Registry, Watch } from "./registry.ts";
import {
  REGISTRY,
  type RegistryPush,
  type RegistryRequest,
  type WatchId,
} from "./registry-client.ts";

export interface RegistryServer {
  /** Ends the instance's watches. Its keys are its lease's business. */
  close(): void;
}

export function serveRegistry(options: {
  readonly control: ControlPort;
  readonly registry: Registry;
  readonly lease: Promise<LeaseId>;
}): RegistryServer {
  const { control, registry, lease } = options;
  const watches = new Map<WatchId, Watch>();

  const watchOf = (id: WatchId): Watch => {
    const watch = watches.get(id);
    assert(watch, `watch ${id} is not open`);
    return watch;
  };
  const answer = (request: RegistryRequest): Promise<unknown> => {
    switch (request.type) {
      case "get":
        return registry.get(request.key);
      case "range":
        return registry.range(request.prefix);
      case "put":
        return lease.then((id) => registry.put(request.key, request.value, { lease: id }));
      case "delete":
        return registry.delete(request.key);
      case "next":
        return watchOf(request.watch).next();
      default:
        return unreachable(request);
    }
  };
  const receive = (push: RegistryPush): void => {
    switch (push.type) {
      case "open":
        watches.set(push.watch, registry.watch(push.prefix, push.options));
        break;
      case "progress":
        watches.get(push.watch)?.requestProgress();
        break;
      case "close":
        void watches.get(push.watch)?.return();
        watches.delete(push.watch);
        break;
      default:
        unreachable(push);
    }
  };

  control.onRequest(REGISTRY, answer);
  control.onPush(REGISTRY, receive);
  return {
    close: () => {
      for (const watch of watches.values()) void watch.return();
      watches.clear();
    },
  };
}
