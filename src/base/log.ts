// Log lines. One line a record on stderr, written at once, tagged with who speaks:
//
//   12:03:55.120 INFO  VllmWorker:2  model ready  blocks=512 ms=41

import { writeSync } from "node:fs";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger whose lines bear `tag`, usually `service:worker`, and go to `write`. */
export function createLogger(
  tag: string,
  minLevel: LogLevel = "info",
  write: (line: string) => void = writeToStderr,
): Logger {
  const log = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (RANK[level] >= RANK[minLevel]) write(formatLine(tag, level, message, fields));
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
  };
}

function formatLine(tag: string, level: LogLevel, message: string, fields: LogFields): string {
  const time = new Date().toISOString().slice(11, 23);
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? quote(value) : value}`)
    .join("");
  return `${time} ${level.toUpperCase().padEnd(5)} ${tag}  ${message}${pairs && ` ${pairs}`}\n`;
}

function quote(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

/** Nothing happens where nobody reads it. */
export function writeToStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch (error) {
    // Nobody reads stderr any more (EPIPE), it is full (EAGAIN), so is its disk (ENOSPC), its terminal is gone
    // (EIO): a log line is not worth a crash.
    if (!isWriteError(error)) throw error;
  }
}

/** Of the operating system, about the file; anything else is a bug. */
export function isWriteError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "write";
}
