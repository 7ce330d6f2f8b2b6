import { formatJson } from "./python-json.ts";
import type { PythonDict } from "./python-value.ts";

/** Output of `dynamo serve --dry-run`, word for word as Dynamo's guide has it. */
export function renderDryRun(config: PythonDict): string {
  return [
    "Service Configuration:",
    formatJson(config, 2),
    "",
    "Environment Variable that would be set:",
    `DYNAMO_SERVICE_CONFIG=${formatJson(config)}`,
    "",
  ].join("\n");
}
