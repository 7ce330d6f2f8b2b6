// Flags of `dynamo serve` that are short for keys of services.

import { basename, resolve } from "node:path";

import { describeService } from "../sdk/describe.ts";
import type { Graph } from "../sdk/graph.ts";
import type { ServiceClass } from "../sdk/service-class.ts";
import { impliedOverride, type Override, parseFlagValue } from "../serve/override.ts";
import type { PythonValue } from "../serve/python-value.ts";
import type { CommandInput } from "./command.ts";
import { servedHubName } from "./hub-models.ts";
import { UsageError } from "./usage-error.ts";

/** Some flags are short for settings; what is set by its own name beats them. */
export function impliedOverrides(
  { flags, context }: CommandInput,
  graph: Graph,
): readonly Override[] {
  const entry = describeService(graph.entry).name;
  const overrides: Override[] = [];
  for (const [name, parse] of Object.entries(ENTRY_FLAGS)) {
    const text = flags.get(name);
    if (text === undefined) continue;
    overrides.push(impliedOverride([entry, name], { name, text }, parse(text)));
  }
  if (flags.has("explain-routing")) overrides.push(explainRouting(graph));
  const text = flags.get("model");
  if (text === undefined) return overrides;
  const { workingDir } = context;
  const servedName = servedHubName(text, workingDir) ?? basename(resolve(workingDir, text));
  const withModel = graph.services.filter(({ service }) =>
    hasKeys(service, "model", "servedModelName"),
  );
  for (const { name, service } of graph.services.toReversed()) {
    const flag = { name: "model", text };
    if (service === graph.entry && hasKeys(service, "servedModelName") && withModel.length < 2) {
      overrides.push(impliedOverride([name, "served_model_name"], flag, servedName));
    }
    if (hasKeys(service, "model")) overrides.push(impliedOverride([name, "model"], flag, text));
  }
  return overrides;
}

/** Flags that are keys of the entry, and what their text stands for there. */
const ENTRY_FLAGS: Readonly<Record<string, (text: string) => PythonValue>> = {
  host: parseFlagValue,
  port: parseFlagValue,
  "api-key-file": (text) => text,
  "tls-cert": (text) => text,
  "tls-key": (text) => text,
  "allow-host": (text) => text.split(","),
  "allow-origin": (text) => text.split(","),
  insecure: () => true,
};

function hasKeys(service: ServiceClass, ...keys: readonly string[]): boolean {
  const entries = describeService(service).schema?.entries ?? {};
  return keys.every((key) => key in entries);
}

function explainRouting(graph: Graph): Override {
  const router = graph.services.find(({ service }) => {
    return describeService(service).schema?.entries["explainRouting"] !== undefined;
  });
  if (router) {
    const flag = { name: "explain-routing", text: "true" };
    return impliedOverride([router.name, "explain-routing"], flag);
  }
  throw new UsageError(
    "--explain-routing: this graph has no Router whose decisions could be explained; graphs.agg_router has one",
  );
}
