// From what was written to what each service gets:
//
//   ConfigTree -> section of a service (Common's settings, then its own) -> schema -> values in camel case
//
// Nothing is guessed and nothing is dropped in silence: a name that is known nowhere is a problem, a
// name that Dynamo knows and this graph does not is listed in `ignored`.

import { describeService } from "../sdk/describe.ts";
import type { Graph, GraphService } from "../sdk/graph.ts";
import type { Environment } from "../sdk/service-class.ts";
import { checkCommonKeys, checkServiceNames, commonKeys } from "./check-names.ts";
import type { Span } from "./config-error.ts";
import type { ConfigTree } from "./config-tree.ts";
import { Findings } from "./findings.ts";
import { viewOf } from "./graph-view.ts";
import { canonicalKey, kebabKey, SERVICE_ARGS } from "./path.ts";
import { resolveServiceArgs, type ServiceArgs } from "./service-args.ts";
import { resolveServiceConfig, type ServiceConfig } from "./service-config.ts";
import { valueSpanIn } from "./setting.ts";
import { type Section, sectionOf } from "./settings.ts";

export interface ResolvedConfig {
  readonly services: ReadonlyMap<string, ResolvedService>;
  /** Keys that were written and have no effect here: `Planner`, `VllmWorker.tensor-parallel-size`. */
  readonly ignored: readonly string[];
}

export interface ResolvedService extends ServiceConfig {
  readonly args: ServiceArgs;
  readonly namespace: string;
  /** Places of the service and its namespace, or of the nearest thing around them. */
  readonly spans: Readonly<Record<"service" | "namespace", Span | undefined>>;
}

/** Namespace of services if `ServiceArgs.dynamo.namespace` says nothing. */
const DEFAULT_NAMESPACE = "dynamo";

/** Checks `tree` against the services of `graph`. Throws one `ConfigError` that holds all problems. */
export function resolveConfig(
  tree: ConfigTree,
  graph: Graph,
  environment: Environment = {},
): ResolvedConfig {
  const findings = new Findings();
  checkServiceNames(tree, graph, findings);
  const known = commonKeys(graph);
  checkCommonKeys(tree, known, findings);
  const services = new Map(
    graph.services.map((node) => {
      const section = sectionOf(tree, node.name, known, findings);
      return [node.name, resolveService(node, section, findings)] as const;
    }),
  );
  findings.throwIfAny();
  checkNamespaces(services, findings);
  findings.throwIfAny();
  checkTogether(graph, environment, services, findings);
  findings.throwIfAny();
  return { services, ignored: [...findings.ignored] };
}

function resolveService(
  { service }: GraphService,
  section: Section,
  findings: Findings,
): ResolvedService {
  const args = resolveServiceArgs(section, findings);
  const { own } = section;
  return {
    ...resolveServiceConfig(describeService(service), section, findings),
    args,
    namespace: args.dynamo.namespace ?? DEFAULT_NAMESPACE,
    spans: {
      service: own?.keySpan,
      namespace: valueSpanIn(own, [SERVICE_ARGS, "dynamo", "namespace"]),
    },
  };
}

/** Services find each other in one namespace; the registry keeps namespaces apart. */
function checkNamespaces(services: ReadonlyMap<string, ResolvedService>, findings: Findings): void {
  const [first, ...others] = [...services];
  const other = others.find(([, { namespace }]) => namespace !== first?.[1].namespace);
  if (!first || !other) return;
  const [name, { namespace, spans }] = other;
  findings.report(
    `${name} is in the namespace ${JSON.stringify(namespace)} and ${first[0]} in ` +
      `${JSON.stringify(first[1].namespace)}; set ServiceArgs.dynamo.namespace of all services to one`,
    spans.namespace,
  );
}

/** Checks what no schema can see: values that must fit those of other services, asked of the services themselves. */
function checkTogether(
  graph: Graph,
  environment: Environment,
  services: ReadonlyMap<string, ResolvedService>,
  findings: Findings,
): void {
  const views = graph.services.map((node) => viewOf(planned(node, services.get(node.name))));
  for (const { name, service } of graph.services) {
    const view = { service: name, entry: graph.entry.name, services: views, environment };
    const resolved = services.get(name);
    for (const { key, message } of service.validate?.(resolved?.config, view) ?? []) {
      if (key === undefined) {
        findings.report(`${name}: ${message}`, undefined);
        continue;
      }
      const setting = resolved?.settings.find((one) => canonicalKey(one.key) === kebabKey(key));
      findings.report(
        `${name}.${setting?.key ?? kebabKey(key)}: ${message}`,
        setting?.origin ?? resolved?.spans.service,
      );
    }
  }
}

function planned(node: GraphService, service?: ResolvedService) {
  return {
    ...node,
    namespace: service?.namespace ?? DEFAULT_NAMESPACE,
    numWorkers: service?.args.workers ?? 1,
    config: service?.config ?? {},
  };
}
