// Log lines. One line a record on stderr, written at once, tagged with who speaks:
//
//   2026-02-03T12:03:55.120Z INFO  VllmWorker:2  model ready  blocks=512 ms=41

import { writeSync } from "node:fs";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["text", "json"] as const;

/** How lines look, for all loggers of a process. Structured-cloneable. */
export interface LogStyle {
  readonly format: (typeof LOG_FORMATS)[number];
  /** For a terminal. */
  readonly isColoured: boolean;
}

/** A level that may change while its logger is in use. */
export interface LevelHolder {
  level: LogLevel;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
export const PLAIN_STYLE: LogStyle = { format: "text", isColoured: false };

/** A logger whose lines bear `tag`, usually `service:worker`, and go to `write`. */
export function createLogger(
  tag: string,
  minLevel: LogLevel | LevelHolder = "info",
  write: (line: string) => void = writeToStderr,
  style: LogStyle = PLAIN_STYLE,
): Logger {
  const holder = typeof minLevel === "string" ? { level: minLevel } : minLevel;
  const render = style.format === "json" ? jsonLine : textLine;
  const log = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (RANK[level] < RANK[holder.level]) return;
    write(render({ time: new Date(), level, tag, message, fields, style }));
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
  };
}

interface LogRecord {
  readonly time: Date;
  readonly level: LogLevel;
  readonly tag: string;
  readonly message: string;
  readonly fields: LogFields;
  readonly style: LogStyle;
}

function textLine({ time, level, tag, message, fields, style }: LogRecord): string {
  const paint = style.isColoured ? painted : (_: string, text: string) => text;
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? quote(value) : value}`)
    .join("");
  const name = paint(COLOURS[level], level.toUpperCase().padEnd(5));
  return `${paint(DIM, zonedTime(time))} ${name} ${tag}  ${message}${pairs && ` ${pairs}`}\n`;
}

/** Keys of the fields stand beside those that every line has, which win. */
function jsonLine({ time, level, tag, message, fields }: LogRecord): string {
  const own = { time: zonedTime(time), level, tag, message };
  return `${JSON.stringify({ ...own, ...fields, ...own })}\n`;
}

/** RFC 3339 in the zone of this machine: `2026-02-03T13:03:55.120+01:00`. */
export function zonedTime(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  if (minutes === 0) return time.toISOString();
  const local = new Date(time.getTime() + minutes * 60_000).toISOString().slice(0, -1);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const ahead = Math.abs(minutes);
  return `${local}${minutes > 0 ? "+" : "-"}${two(ahead / 60)}:${two(ahead % 60)}`;
}

const DIM = "2";
const COLOURS: Record<LogLevel, string> = { debug: "36", info: "32", warn: "33", error: "31" };

function painted(colour: string, text: string): string {
  return `\u001b[${colour}m${text}\u001b[0m`;
}

/** Escapes what a client or a file has brought along: it may not end the line, nor speak to the terminal. */
function quote(value: string): string {
  return /^[!#-<>-~]+$/.test(value) ? value : JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}

/** Drops the line where stderr has no reader. */
export function writeToStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch (error) {
    // Stderr has no reader any more (EPIPE), it is full (EAGAIN), so is its disk (ENOSPC), its terminal is gone
    // (EIO): a log line is not worth a crash.
    if (!isWriteError(error)) throw error;
  }
}

/** True for the operating system's errors about the file; anything else is a bug. */
export function isWriteError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "write";
}
