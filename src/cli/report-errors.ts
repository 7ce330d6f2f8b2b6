// From errors to words and an exit code:
//
//   0  done            1  failed while running            2  bad usage, graph or configuration

import { errorCode } from "../base/error.ts";
import { describeError } from "./describe-error.ts";
import { SeveralErrors } from "./usage-error.ts";

/** The exit code of `run`. An error is told, several each on its own, and is a code. */
export async function reportingErrors(
  run: () => Promise<number>,
  tell: (text: string) => void,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const errors = error instanceof SeveralErrors ? error.errors : [error];
    for (const one of errors) tell(describeError(one));
    return FOUND_BEFORE_START.has(errorCode(error)) ? 2 : 1;
  }
}

const FOUND_BEFORE_START: ReadonlySet<string> = new Set([
  "usage",
  "invalid_config",
  "invalid_graph",
  "invalid_service",
  "graph_not_loadable",
  "unknown_service",
]);
