// Runs a command line in this process, in a folder of the test's, and returns what it wrote.

import { runCli } from "../../src/cli/cli.ts";
import type { CliContext } from "../../src/cli/context.ts";

export interface CliResult {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export async function runLine(
  line: string,
  {
    workingDir,
    environment = {},
  }: { readonly workingDir: string; readonly environment?: Record<string, string> },
): Promise<CliResult> {
  let out = "";
  let err = "";
  const context: CliContext = {
    environment,
    workingDir,
    isTerminal: false,
    isErrorTerminal: false,
    executable: "/usr/bin/dynamo",
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    onInterrupt: () => () => undefined,
  };
  const exitCode = await runCli(line === "" ? [] : line.split(" "), context);
  return { exitCode, out, err };
}
