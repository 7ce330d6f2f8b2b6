// `--state FILE`: settings that are changed while the server runs, kept from one process to the next.

import { resolve } from "node:path";

import type { Journal } from "../registry/embedded-registry.ts";
import type { SqliteJournalOptions } from "../registry/sqlite-journal.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./usage-error.ts";

/** Undefined where no state is kept. Throws `UsageError`. */
export function stateOptions(
  flags: ReadonlyMap<string, string>,
  { workingDir }: Pick<CliContext, "workingDir">,
): SqliteJournalOptions | undefined {
  const [file, durability = "disk"] = [flags.get("state"), flags.get("durability")];
  if (durability !== "disk" && durability !== "process") {
    throw new UsageError(`--durability takes disk or process, got ${JSON.stringify(durability)}`);
  }
  if (file === undefined && flags.has("durability")) {
    throw new UsageError("--durability is for --state FILE; name the file, or leave it out");
  }
  if (file === "") throw new UsageError("--state needs the name of a file");
  return file === undefined ? undefined : { file: resolve(workingDir, file), durability };
}

/** Throws `UsageError` with the file's name: it is another process's, or cannot be used. */
export async function openState(
  options: SqliteJournalOptions | undefined,
): Promise<Journal | undefined> {
  if (options === undefined) return undefined;
  const { SqliteJournal, StateFileError } = await import("../registry/sqlite-journal.ts");
  try {
    return new SqliteJournal(options);
  } catch (error) {
    if (error instanceof StateFileError) throw new UsageError(`--state: ${error.message}`);
    throw error;
  }
}
