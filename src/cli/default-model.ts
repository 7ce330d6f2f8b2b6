// Services that need a model and are given none take the one that another service of the graph is given, and the
// built-in one where nobody is given any. A dry run does not print it: it prints what was typed.

import { model as modelKey } from "../components/fields.ts";
import { BUILT_IN_MODEL } from "../model/built-in-model.ts";
import { describeService } from "../sdk/describe.ts";
import type { Graph } from "../sdk/graph.ts";
import { DEFAULT_SPAN } from "../serve/config-error.ts";
import type { ConfigTree } from "../serve/config-tree.ts";
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
  return tree.override(
    needy
      .filter((name) => !hasModel(tree, name))
      .map((name) => ({
        path: [name, "model"],
        value: model,
        keySpans: [DEFAULT_SPAN, DEFAULT_SPAN],
        valueSpan: DEFAULT_SPAN,
      })),
  );
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
