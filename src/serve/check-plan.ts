// Faults that would keep a plan from starting, asked of its services before any thread starts: files that are missing,
// a port that is taken. Each failure is told once, at the key that the user wrote.

import type { CheckScope } from "../sdk/service-class.ts";
import type { Problem } from "./config-error.ts";
import { graphViewOf } from "./graph-view.ts";
import { canonicalKey, kebabKey } from "./path.ts";
import type { DeploymentPlan } from "./plan.ts";
import type { ResolvedConfig } from "./resolve-config.ts";

export async function checkPlan(
  plan: DeploymentPlan,
  config: ResolvedConfig,
  scope: Omit<CheckScope, "graph" | "numWorkers">,
): Promise<readonly Problem[]> {
  const problems = new Map<string, Problem>();
  for (const { name, service, numWorkers, config: values } of plan.services.toReversed()) {
    const graph = graphViewOf(plan, name, scope.environment);
    const found = (await service.check?.(values, { ...scope, graph, numWorkers })) ?? [];
    for (const { key, message } of found) {
      if (problems.has(message)) continue;
      const setting = settingOf(config, name, key);
      const written = key === undefined ? name : `${name}.${setting?.key ?? kebabKey(key)}`;
      problems.set(message, { message: `${written}: ${message}`, span: setting?.origin });
    }
  }
  return [...problems.values()];
}

function settingOf(config: ResolvedConfig, service: string, key: string | undefined) {
  if (key === undefined) return undefined;
  const settings = config.services.get(service)?.settings ?? [];
  return settings.find((one) => canonicalKey(one.key) === kebabKey(key));
}
