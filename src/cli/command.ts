import type { ArgsDef, CommandMeta } from "citty";

import type { Override } from "../serve/override.ts";
import type { CliContext } from "./context.ts";
import type { UsageError } from "./usage-error.ts";

/** A command as data: citty's definition of its arguments, from which its help is made, and what it does. */
export interface Command {
  readonly meta: CommandMeta;
  readonly args: ArgsDef;
  /** Other spellings of flags, which the help does not mention. */
  readonly synonyms: Readonly<Record<string, string>>;
  /** Text of the help after the list of arguments. */
  readonly epilogue: string;
  /** The result is the exit code. */
  run(input: CommandInput): Promise<number>;
}

export interface CommandInput {
  /** Flag to its value; `""` for one that takes none. */
  readonly flags: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
  readonly overrides: readonly Override[];
  /** Faults of the argument list; the command tells them beside what else is wrong. */
  readonly problems: readonly UsageError[];
  /** The arguments as they were typed. */
  readonly argv: readonly string[];
  readonly context: CliContext;
}
