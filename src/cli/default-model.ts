// Services that need a model and are given none take the one that another service of the graph is given, and the
// built-in one where none is given any. If several then serve one model, each is called by its class's name in lower
// case (`chat`, `code`). A dry run does not print it: it prints what was typed.

import { model as modelKey } from "../components/fields.ts";
import { BUILT_IN_MODEL } from "../model/built-in-model.ts";
import { describeService } from "../sdk/describe.ts";
import type { Graph } from "../sdk/graph.ts";
import { DEFAULT_SPAN } from "../serve/config-error.ts";
import type { ConfigTree } from "../serve/config-tree.ts";
import type { Override } from "../serve/override.ts";
import { canonicalKey } from "../serve/path.ts";
import { keyText, type PythonValue } from "../serve/python-value.ts";
import { COMMON, COMMON_CONFIGS } from "../serve/settings.ts";

/** Names of the services of ours that need a model. */
export function modelServices(graph: Graph): readonly string[] {
  return graph.services
    .filter(({ service }) => describeService(service).schema?.entries["model"] === modelKey)
    .map(({ name }) => name);
}

/** `tree`, with a model for every service of ours that needs one. */
export function withModels(tree: ConfigTree, graph: Graph): ConfigTree {
  const needy = modelServices(graph);
  const given = new Set(
    [COMMON, ...needy]
      .map((name) => writtenValue(tree, name, "model"))
      .filter((value) => value !== null && value !== undefined),
  );
  if (given.size > 1) return tree; // two models: which one a third service needs is the user's to say
  const [model = BUILT_IN_MODEL] = given;
  const without = needy.filter((name) => !hasModel(tree, name));
  return tree.override([
    ...without.map((name) => byDefault(name, "model", model)),
    ...nameless(tree, graph, without).map((name) =>
      byDefault(name, "served-model-name", name.toLowerCase()),
    ),
  ]);
}

/** Those of `without` that need a name of their own: one model serves several times, and each is asked for by name. */
function nameless(tree: ConfigTree, graph: Graph, without: readonly string[]): readonly string[] {
  const named = graph.services.filter(({ service }) => {
    const entries = describeService(service).schema?.entries ?? {};
    return entries["model"] === modelKey && "servedModelName" in entries;
  });
  if (named.length < 2) return [];
  return named
    .map(({ name }) => name)
    .filter((name) => without.includes(name))
    .filter((name) => writtenValue(tree, name, "served-model-name") === undefined);
}

function byDefault(service: string, key: string, value: PythonValue): Override {
  return {
    path: [service, key],
    value,
    keySpans: [DEFAULT_SPAN, DEFAULT_SPAN],
    valueSpan: DEFAULT_SPAN,
  };
}

function hasModel(tree: ConfigTree, service: string): boolean {
  if ((writtenValue(tree, service, "model") ?? null) !== null) return true;
  const listed = writtenValue(tree, service, COMMON_CONFIGS);
  const asks = Array.isArray(listed) && listed.some((key) => canonicalKey(String(key)) === "model");
  return asks && (writtenValue(tree, COMMON, "model") ?? null) !== null;
}

function writtenValue(tree: ConfigTree, service: string, key: string): PythonValue | undefined {
  for (const [written, value] of tree.services.get(service) ?? []) {
    if (canonicalKey(keyText(written)) === key) return value;
  }
  return undefined;
}
