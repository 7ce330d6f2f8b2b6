// A thread's way to the class that it runs: it shares none with the main thread, so it imports the graph again.

import { DynamoError } from "../base/error.ts";
import { isServiceClass } from "../sdk/describe.ts";
import { Graph } from "../sdk/graph.ts";
import type { ServiceClass } from "../sdk/service-class.ts";
import type { GraphSource } from "./plan.ts";

/** Name to import, for the graphs that the executable carries. */
type BuiltInGraphs = Readonly<Record<string, () => Promise<object>>>;

export async function importService(
  name: string,
  source: GraphSource,
  builtIns: BuiltInGraphs,
): Promise<ServiceClass> {
  const exported = await importGraph(source, builtIns);
  const service = "default" in exported ? find(name, [exported.default]) : undefined;
  const found = service ?? find(name, Object.values(exported));
  if (!found) {
    throw new ServiceNotFoundError(
      `${source.type === "file" ? source.path : source.name} exports no graph with a service ${name}; ` +
        "did the file change since the start?",
      { service: name },
    );
  }
  return found;
}

async function importGraph(source: GraphSource, builtIns: BuiltInGraphs): Promise<object> {
  return source.type === "file"
    ? await import(source.path)
    : ((await builtIns[source.name]?.()) ?? {});
}

function find(name: string, values: readonly unknown[]): ServiceClass | undefined {
  for (const value of values) {
    const graph = isServiceClass(value) ? Graph.of(value) : value;
    if (!(graph instanceof Graph)) continue;
    const found = graph.services.find((one) => one.name === name);
    if (found) return found.service;
  }
  return undefined;
}

class ServiceNotFoundError extends DynamoError {
  override readonly code = "service_not_found";
}
