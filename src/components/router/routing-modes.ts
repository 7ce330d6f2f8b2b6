// How a worker is chosen, as configurations name it, and what that means to a router.

import type { OverlapSource } from "../../kv/kv-router.ts";
import type { RoutingPolicy } from "../../kv/worker-selector.ts";

export const ROUTER_MODES = [
  "random",
  "round-robin",
  "kv",
  "kv-blocks",
  "kv-load",
  "approx-kv",
  "least-loaded",
] as const;

export type RouterMode = (typeof ROUTER_MODES)[number];

/** True for modes that need a Router; a processor can do the others by itself. */
export function needsRouter(mode: RouterMode): boolean {
  return mode !== "random" && mode !== "round-robin";
}

/** Without events from the workers, `approx-kv` goes by what they were sent. */
export function policyOf(mode: RouterMode): {
  readonly policy: RoutingPolicy;
  readonly overlapSource: OverlapSource;
} {
  return mode === "approx-kv"
    ? { policy: "kv", overlapSource: "recent requests" }
    : { policy: mode, overlapSource: "events" };
}
