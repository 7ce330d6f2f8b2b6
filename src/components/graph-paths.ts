// Who is behind whom in a graph.

import type { ServiceNode } from "dynamo";

type Node = Pick<ServiceNode, "edges" | "name">;

/** The service, and all that it is linked to, directly or through others; near ones first. */
export function reachedFrom<N extends Node>(graph: readonly N[], name: string): readonly N[] {
  const names = new Set([name]);
  for (const one of names) {
    const node = graph.find((other) => other.name === one);
    for (const target of [...(node?.edges.values() ?? [])].flat()) names.add(target);
  }
  return [...names].flatMap((one) => graph.find((other) => other.name === one) ?? []);
}

/** The name of the workers behind a service: linked to it, or to its router. */
export function workersOf(graph: readonly Node[], name: string): string | undefined {
  const edges = graph.find((one) => one.name === name)?.edges;
  const [worker] = edges?.get("worker") ?? [];
  if (worker !== undefined) return worker;
  const [router] = edges?.get("router") ?? [];
  return router === undefined ? undefined : workersOf(graph, router);
}
