// Names of models that several services serve to one frontend.

import type { ConfigProblem, GraphView, ServiceView } from "dynamo";
import * as v from "valibot";

import { reachedFrom } from "../graph-paths.ts";
import { Processor } from "../processor/processor.ts";
import { type ModelNames, servedNames } from "../published-model.ts";
import { VllmWorkerRouterLess } from "../worker/routerless-worker.ts";

/** The services behind one that tell frontends of a model. */
export function publishersOf({
  services,
  service,
}: Pick<GraphView, "service" | "services">): readonly ServiceView[] {
  return reachedFrom(services, service).filter(
    (one) => one.is(Processor) || one.is(VllmWorkerRouterLess),
  );
}

/** Each model needs a name of its own, and the frontend can give one to a single model only. */
export function servedNameProblems(
  given: ModelNames | undefined,
  { services, service }: GraphView,
): readonly ConfigProblem[] {
  const publishers = publishersOf({ services, service });
  if (publishers.length < 2) return [];
  const problem = (message: string) => ({ key: "servedModelName", message });
  const problems = duplicates(publishers).map(([name, both, first]) =>
    problem(
      `${both} serve "${name}"; set served-model-name of each (--${first}.served-model-name=...)`,
    ),
  );
  if (given === undefined) return problems;
  const names = publishers.map(({ name }) => `${name}.served-model-name`).join(" and ");
  return [
    problem(`${service} leads to ${publishers.length} models; set ${names} in its place`),
    ...problems,
  ];
}

/** Each name that more than one has, who they are, and the first of them. */
function duplicates(
  publishers: readonly ServiceView[],
): readonly (readonly [string, string, string])[] {
  const owners = new Map<string, string[]>();
  for (const { name, config } of publishers) {
    const parsed = v.safeParse(NAMED, config); // a configuration that is wrong has told so already
    if (!parsed.success) continue;
    for (const served of servedNames(parsed.output)) {
      owners.set(served, [...(owners.get(served) ?? []), name]);
    }
  }
  return [...owners].flatMap(([name, all]) =>
    all.length > 1 ? [[name, all.join(" and "), all[0] ?? ""] as const] : [],
  );
}

const NAMED = v.object({
  model: v.string(),
  servedModelName: v.optional(v.union([v.string(), v.array(v.string())])),
});
