// Names in a configuration that no service of the graph has: of services, and of keys in `Common`.

import { didYouMean } from "../base/nearest.ts";
import { describeService, type ServiceDescription } from "../sdk/describe.ts";
import type { Graph } from "../sdk/graph.ts";
import type { ConfigTree } from "./config-tree.ts";
import type { Findings } from "./findings.ts";
import { keyText } from "./python-value.ts";
import { schemaKeys } from "./service-config.ts";
import { COMMON, canonicalKeyOf } from "./settings.ts";
import { isUpstreamService, upstreamKeys, upstreamServices } from "./upstream.ts";

export function checkServiceNames(tree: ConfigTree, graph: Graph, findings: Findings): void {
  const own = graph.services.map(({ name }) => name);
  for (const [name, { keySpan }] of tree.sections) {
    if (own.includes(name) || name === COMMON) continue;
    const heirs = heirsOf(name, graph);
    if (heirs.length > 0) {
      findings.report(
        `this graph has no service ${JSON.stringify(name)}, but ${heirs.join(" and ")}, which extends it; ` +
          `name the section ${heirs.join(" or ")}`,
        keySpan,
      );
      continue;
    }
    if (isUpstreamService(name) || declaredServices(graph).has(name)) {
      findings.ignored.add(name);
      continue;
    }
    const hint = didYouMean(name, [...own, COMMON, ...upstreamServices()]);
    findings.report(
      `this graph has no service ${JSON.stringify(name)}; it has ${own.join(", ")}.${hint}`,
      keySpan,
    );
  }
}

/** Keys that may stand in `Common`: those of any service of the graph, and Dynamo's. */
export function commonKeys(graph: Graph): ReadonlySet<string> {
  const own = graph.services.flatMap(({ service }) => [
    ...schemaKeys(describeService(service)).keys(),
  ]);
  return new Set([...own, ...upstreamKeys(COMMON)]);
}

export function checkCommonKeys(
  tree: ConfigTree,
  known: ReadonlySet<string>,
  findings: Findings,
): void {
  for (const setting of tree.sections.get(COMMON)?.items ?? []) {
    if (known.has(canonicalKeyOf(setting))) continue;
    const key = keyText(setting.key);
    findings.report(
      `no service has the key ${JSON.stringify(key)} that Common sets.${didYouMean(key, known)}`,
      setting.keySpan,
    );
  }
}

/** Services whose classes extend one of this name. */
function heirsOf(name: string, graph: Graph): readonly string[] {
  return graph.services
    .filter(({ service }) => describeService(service).lineage.includes(name))
    .map((heir) => heir.name);
}

/** Names of all services that those of the graph declare, linked or not. */
function declaredServices(graph: Graph): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = ({ dependencies }: ServiceDescription) => {
    for (const dependency of dependencies.map(({ service }) => describeService(service))) {
      if (names.has(dependency.name)) continue;
      names.add(dependency.name);
      visit(dependency);
    }
  };
  for (const { service } of graph.services) visit(describeService(service));
  return names;
}
