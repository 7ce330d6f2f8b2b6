// Log options, from a command line and the terminal.

import {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  type LogStyle,
} from "../base/log.ts";
import { didYouMean } from "../base/nearest.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./usage-error.ts";

export interface LogOptions {
  readonly level: LogLevel;
  readonly style: LogStyle;
}

type Flags = ReadonlyMap<string, string>;

/** Throws `UsageError`. */
export function readLogLevel(flags: Flags): LogLevel {
  return choice(flags, "log-level", LOG_LEVELS) ?? "info";
}

/** Throws `UsageError`. */
export function readLogStyle(flags: Flags, context: CliContext): LogStyle {
  const format = choice(flags, "log-format", LOG_FORMATS) ?? "text";
  return { format, isColoured: format === "text" && wantsColour(context) };
}

export function mainLogger({ level, style }: LogOptions, context: CliContext): Logger {
  return createLogger("dynamo", level, context.err, style);
}

/** By https://no-color.org, and only where people read. */
function wantsColour({ environment, isErrorTerminal }: CliContext): boolean {
  return isErrorTerminal && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}

function choice<T extends string>(flags: Flags, name: string, known: readonly T[]): T | undefined {
  const text = flags.get(name);
  if (text === undefined) return undefined;
  const found = known.find((one) => one === text.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(
    `--${name} must be ${known.join(" or ")}, not ${JSON.stringify(text)}.${didYouMean(text, known)}`,
  );
}
