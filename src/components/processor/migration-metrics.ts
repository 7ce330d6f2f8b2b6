import type { Metrics } from "dynamo";

import type { MigrationType } from "../dispatch/dispatch.ts";

const TYPES: readonly MigrationType[] = ["new_request", "ongoing_request"];

/** Upstream's name, and its labels. */
export function countMigrations(
  { Counter, registry }: Metrics,
  model: string,
): (type: MigrationType) => void {
  const migrations = new Counter({
    name: "dynamo_frontend_model_migration_total",
    help: "Sequences that went to another worker since theirs had ended",
    registers: [registry],
    labelNames: ["model", "migration_type"],
  });
  for (const type of TYPES) migrations.inc({ model, migration_type: type }, 0);
  return (type) => migrations.inc({ model, migration_type: type });
}
