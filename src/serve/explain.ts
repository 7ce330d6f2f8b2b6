// `--explain`: where each value comes from, and what would run.

import type { Environment } from "../sdk/service-class.ts";
import { renderPlace } from "./config-error.ts";
import { graphViewOf } from "./graph-view.ts";
import type { DeploymentPlan, ServicePlan } from "./plan.ts";
import type { ResolvedConfig } from "./resolve-config.ts";

export async function renderExplanation(
  config: ResolvedConfig,
  plan: DeploymentPlan,
  environment: Environment = {},
): Promise<string> {
  const memory = await Promise.all(
    plan.services.map((service) => memoryRows(service, plan, environment)),
  );
  return [
    "",
    "Where each value comes from:",
    ...table(plan.services.toReversed().flatMap((service) => originRows(service, config))),
    "",
    `Plan: ${renderSource(plan)}, entry ${plan.entry}`,
    ...table(plan.services.toReversed().map(planRow)),
    ...table([["total", `${numThreads(plan)} actor threads beside the main thread`]]),
    "",
    ...(memory.flat().length > 0 ? ["Memory:", ...table(memory.flat()), ""] : []),
  ].join("\n");
}

function originRows({ name }: ServicePlan, config: ResolvedConfig): readonly (readonly string[])[] {
  const settings = config.services.get(name)?.settings ?? [];
  return settings
    .filter(({ value }) => value !== undefined)
    .map(({ key, value, origin }) => [
      `${name}.${key}`,
      JSON.stringify(value),
      origin ? renderPlace(origin) : "default",
    ]);
}

function planRow({ name, numWorkers, edges, maxCalls, env }: ServicePlan): readonly string[] {
  const ids = numWorkers === 1 ? `${name}:1` : `${name}:1..${numWorkers}`;
  const calls = [...edges]
    .map(([field, targets]) => `${field} -> ${targets.join(" and ")}`)
    .join(", ");
  const variables = Object.keys(env).join(", ");
  return [
    ids,
    numWorkers === 1 ? "1 thread" : `${numWorkers} threads`,
    `mailbox ${maxCalls}`,
    [calls, variables && `env ${variables}`].filter(Boolean).join("; "),
  ];
}

async function memoryRows(
  { name, service, config, numWorkers }: ServicePlan,
  plan: DeploymentPlan,
  environment: Environment,
) {
  const scale = { numWorkers, environment, graph: graphViewOf(plan, name, environment) };
  const footprints = (await service.footprint?.(config, scale)) ?? [];
  return footprints.map(({ what, bytes }) => [
    name,
    bytes === undefined ? "not known: its files are not here" : `${(bytes / 1e6).toFixed(1)} MB`,
    what,
  ]);
}

function numThreads({ services }: DeploymentPlan): number {
  return services.reduce((sum, { numWorkers }) => sum + numWorkers, 0);
}

function renderSource({ source }: DeploymentPlan): string {
  return source.type === "file" ? source.path : `${source.name} (built in)`;
}

/** Rows with their columns aligned, indented by two. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell));
    }
  }
  return rows.map((row) => {
    const cells = row.map(
      (cell, column) => cell + " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell)),
    );
    return `  ${cells.join("  ")}`.trimEnd();
  });
}
