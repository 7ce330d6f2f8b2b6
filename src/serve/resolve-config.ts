// From what was written to what each service gets:
//
//   ConfigTree -> settings of a service (Common's, then its own) -> schema -> values in camel case
//
// Nothing is guessed and nothing is dropped in silence: a name that is known nowhere is a problem, a
// name that Dynamo knows and this graph does not is listed in `ignored`.

import * as v from "valibot";
import { didYouMean } from "../base/nearest.ts";
import { describeService, type ServiceDescription } from "../sdk/describe.ts";
import type { Graph, GraphService } from "../sdk/graph.ts";
import type { Environment } from "../sdk/service.ts";
import { isFlag, lineColumn, type Span } from "./config-error.ts";
import type { ConfigTree } from "./config-tree.ts";
import { describeIssue } from "./describe-issue.ts";
import { Findings } from "./findings.ts";
import { canonicalKey, kebabKey, type Path, SERVICE_ARGS } from "./path.ts";
import { viewOf } from "./plan.ts";
import { keyText, toPlain } from "./python-value.ts";
import { resolveServiceArgs, type ServiceArgs } from "./service-args.ts";
import { COMMON, COMMON_CONFIGS, commonConfigs, type Setting, settingsOf } from "./settings.ts";
import { withSize } from "./sizes.ts";
import { isUpstreamService, isUpstreamValue, upstreamKeys, upstreamServices } from "./upstream.ts";

export interface ResolvedConfig {
  readonly services: ReadonlyMap<string, ResolvedService>;
  /** What was written and has no effect here: `Planner`, `VllmWorker.tensor-parallel-size`. */
  readonly ignored: readonly string[];
}

export interface ResolvedService {
  /** Keys in camel case; the output of the schema. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly args: ServiceArgs;
  readonly namespace: string;
  /** Every value with the place that it came from; without one it is a default. */
  readonly settings: readonly ResolvedSetting[];
}

export interface ResolvedSetting {
  readonly key: string;
  readonly value: unknown;
  readonly origin: Span | undefined;
}

/** Where services are registered if `ServiceArgs.dynamo.namespace` says nothing. */
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
    graph.services.map(({ name, service }) => {
      const wanted = commonConfigs(tree, name, known, findings);
      const settings = settingsOf(tree, name, wanted);
      return [name, resolveService(tree, describeService(service), settings, findings)] as const;
    }),
  );
  findings.throwIfAny();
  checkNamespaces(tree, services, findings);
  findings.throwIfAny();
  checkTogether({ tree, graph, environment }, services, findings);
  findings.throwIfAny();
  return { services, ignored: [...findings.ignored] };
}

function checkServiceNames(tree: ConfigTree, graph: Graph, findings: Findings): void {
  const own = graph.services.map(({ name }) => name);
  for (const name of tree.services.keys()) {
    if (own.includes(name) || name === COMMON) continue;
    const heirs = heirsOf(name, graph);
    if (heirs.length > 0) {
      findings.report(
        `this graph has no service ${JSON.stringify(name)}, but ${heirs.join(" and ")}, which extends it; ` +
          `name the section ${heirs.join(" or ")}`,
        tree.keySpan([name]),
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
      tree.keySpan([name]),
    );
  }
}

/** Services whose classes extend one of this name. */
function heirsOf(name: string, graph: Graph): readonly string[] {
  return graph.services
    .filter(({ service }) => describeService(service).lineage.includes(name))
    .map((heir) => heir.name);
}

/** What may stand in `Common`: a key of any service of the graph, or of Dynamo's. */
function commonKeys(graph: Graph): ReadonlySet<string> {
  const own = graph.services.flatMap(({ service }) => [
    ...schemaKeys(describeService(service)).keys(),
  ]);
  return new Set([...own, ...upstreamKeys(COMMON)]);
}

function checkCommonKeys(tree: ConfigTree, known: ReadonlySet<string>, findings: Findings): void {
  for (const key of [...(tree.services.get(COMMON)?.keys() ?? [])].map(keyText)) {
    if (known.has(canonicalKey(key))) continue;
    findings.report(
      `no service has the key ${JSON.stringify(key)} that Common sets.${didYouMean(key, known)}`,
      tree.keySpan([COMMON, key]),
    );
  }
}

function resolveService(
  tree: ConfigTree,
  description: ServiceDescription,
  settings: readonly Setting[],
  findings: Findings,
): ResolvedService {
  const args = resolveServiceArgs(tree, description.name, findings);
  const written = writtenKeys(tree, description, settings, findings);
  const config = parseConfig(tree, description, written, findings);
  return {
    config,
    args,
    namespace: args.dynamo.namespace ?? DEFAULT_NAMESPACE,
    settings: Object.entries(config).map(([key, value]) => {
      const setting = written.get(key);
      const origin = setting && tree.valueSpan(setting.path);
      return { key: setting?.key ?? kebabKey(key), value, origin };
    }),
  };
}

/** Schema key to what was written for it. */
function writtenKeys(
  tree: ConfigTree,
  description: ServiceDescription,
  settings: readonly Setting[],
  findings: Findings,
): ReadonlyMap<string, Setting> {
  const keys = schemaKeys(description);
  const written = new Map<string, Setting>();
  for (const setting of settings) {
    const camelKey = keys.get(canonicalKey(setting.key));
    const earlier = camelKey === undefined ? undefined : written.get(camelKey);
    if (camelKey === undefined) {
      checkUnknownKey(tree, description, setting, keys.keys(), findings);
    } else if (earlier) {
      findings.report(
        `${setting.path.join(".")} is the same key as ${earlier.path.join(".")}${lineOf(tree.keySpan(earlier.path))}; keep one of the two`,
        tree.keySpan(setting.path),
      );
    } else written.set(camelKey, setting);
  }
  return written;
}

function checkUnknownKey(
  tree: ConfigTree,
  { name: service, lineage }: ServiceDescription,
  { key, path }: Setting,
  known: Iterable<string>,
  findings: Findings,
): void {
  const upstream = new Set(lineage.flatMap((one) => [...upstreamKeys(one)]));
  if (upstream.has(canonicalKey(key))) {
    findings.ignored.add(asWritten(service, path));
    return;
  }
  const spelled = (name: string) => inSpellingOf(key, name);
  const candidates = [...[...known, ...upstream].map(spelled), SERVICE_ARGS, COMMON_CONFIGS];
  findings.report(
    `${service} has no key ${JSON.stringify(key)}.${didYouMean(key, candidates)}`,
    tree.keySpan(path),
  );
}

function parseConfig(
  tree: ConfigTree,
  { name, lineage, schema }: ServiceDescription,
  written: ReadonlyMap<string, Setting>,
  findings: Findings,
): Readonly<Record<string, unknown>> {
  if (!schema) return {};
  // null unsets: the default holds.
  const input: Record<string, unknown> = Object.fromEntries(
    [...written]
      .filter(([, { value }]) => value !== null)
      .map(([key, { value }]) => [key, withSize(schema.entries[key], toPlain(value))]),
  );
  let result = v.safeParse(schema, input);
  for (const key of foreignValues(lineage, input, result.issues ?? [])) {
    const path = written.get(key)?.path ?? [name, kebabKey(key)];
    findings.ignored.add(`${asWritten(name, path)}=${String(input[key])}`);
    delete input[key];
    result = v.safeParse(schema, input);
  }
  if (result.success) return result.output;
  for (const issue of result.issues) reportIssue(tree, name, issue, written, findings);
  return {};
}

function reportIssue(
  tree: ConfigTree,
  service: string,
  issue: v.BaseIssue<unknown>,
  written: ReadonlyMap<string, Setting>,
  findings: Findings,
): void {
  const [key, ...rest] = issuePath(issue);
  const setting = key === undefined ? undefined : written.get(key);
  if (setting && setting.value !== null) {
    const path = [...setting.path, ...rest];
    findings.report(`${path.join(".")} ${describeIssue(issue)}`, tree.valueSpan(path));
  } else if (key === undefined) {
    findings.report(`${service} ${describeIssue(issue)}`, tree.keySpan([service]));
  } else {
    const name = `${service}.${kebabKey(key)}`;
    const cure =
      key === "model" ? `--${name}=DIR, or --model DIR for all services` : `--${name}=...`;
    findings.report(
      `${name} is not set; set it in the file, or give ${cure}`,
      tree.keySpan(setting?.path ?? [service]),
    );
  }
}

/** Services find each other in one namespace; the registry keeps namespaces apart. */
function checkNamespaces(
  tree: ConfigTree,
  services: ReadonlyMap<string, ResolvedService>,
  findings: Findings,
): void {
  const [first, ...others] = [...services];
  const other = others.find(([, { namespace }]) => namespace !== first?.[1].namespace);
  if (!first || !other) return;
  const [name, { namespace }] = other;
  const path: Path = [name, SERVICE_ARGS, "dynamo", "namespace"];
  findings.report(
    `${name} is in the namespace ${JSON.stringify(namespace)} and ${first[0]} in ` +
      `${JSON.stringify(first[1].namespace)}; set ServiceArgs.dynamo.namespace of all services to one`,
    tree.valueSpan(path),
  );
}

interface Checked {
  readonly tree: ConfigTree;
  readonly graph: Graph;
  readonly environment: Environment;
}

/** What no schema can see: values that must fit those of other services, asked of the services themselves. */
function checkTogether(
  { tree, graph, environment }: Checked,
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
        setting?.origin ?? tree.keySpan([name]),
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

function issuePath(issue: v.BaseIssue<unknown>): readonly string[] {
  return (issue.path ?? []).map(({ key }) => String(key));
}

/** Keys whose value is wrong here and right in a larger graph of Dynamo's. */
function foreignValues(
  lineage: readonly string[],
  input: Readonly<Record<string, unknown>>,
  issues: readonly v.BaseIssue<unknown>[],
): readonly string[] {
  const keys = issues.map((issue) => issuePath(issue)[0]).filter((key) => key !== undefined);
  return keys.filter((key) =>
    lineage.some((service) => isUpstreamValue(service, kebabKey(key), input[key])),
  );
}

/** Kebab-case key to the schema's own. */
function schemaKeys({ schema }: ServiceDescription): ReadonlyMap<string, string> {
  return new Map(Object.keys(schema?.entries ?? {}).map((key) => [kebabKey(key), key]));
}

/** A notice names what the user wrote: a key of `Common` stands there, whichever service asks for it. */
function asWritten(service: string, path: Path): string {
  return path[0] === service ? path.join(".") : `${path.join(".")} for ${service}`;
}

/** A name in kebab case as somebody writes names who has written `key`. */
function inSpellingOf(key: string, name: string): string {
  if (key.includes("_")) return name.replaceAll("-", "_");
  if (!/[a-z][A-Z]/.test(key)) return name;
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** ` in line 4`, for what a file says. */
function lineOf(span: Span | undefined): string {
  if (!span || isFlag(span.source)) return "";
  return ` in line ${lineColumn(span).line}`;
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
