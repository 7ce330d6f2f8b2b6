// A command's view of the world outside. Read once here and handed on as a value, so that
// everything below can be tested without a process.

import { readFileSync, writeSync } from "node:fs";

import { isWriteError } from "../base/log.ts";
import { systemCode } from "../base/system-error.ts";

export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute, as the next. */
  readonly workingDir: string;
  /** The program that runs. */
  readonly executable: string;
  /** True if standard output is a terminal: colours, then. */
  readonly isTerminal: boolean;
  /** The same of standard error: coloured lines of the log, then. */
  readonly isErrorTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
  /** Calls `receive` for each request to end (Ctrl-C and its like) until the returned function is called. */
  onInterrupt(receive: () => void): () => void;
}

export function processContext(): CliContext {
  const interrupts = interruptsOf(readText("/proc/self/status") ?? "");
  return {
    environment: { ...process.env },
    workingDir: process.cwd(),
    executable: process.execPath,
    isTerminal: process.stdout.isTTY === true,
    isErrorTerminal: process.stderr.isTTY === true,
    out: (text) => writeAll(1, text),
    err: writeError,
    onInterrupt(receive) {
      for (const signal of interrupts) process.on(signal, receive);
      return () => {
        for (const signal of interrupts) process.off(signal, receive);
      };
    },
  };
}

const SIGHUP = 1;

/** SIGHUP, too, unless it is ignored: nohup asks for that, and to listen would undo it. `status` is /proc/self/status. */
export function interruptsOf(status: string): readonly NodeJS.Signals[] {
  const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  const isIgnored = ((BigInt(`0x${mask}`) >> BigInt(SIGHUP - 1)) & 1n) === 1n;
  return isIgnored ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined; // no such file: nothing is known to be ignored
  }
}

/** Ignores a failure: it can be told nowhere, and a server outlives its log. */
function writeError(text: string): void {
  try {
    writeAll(2, text);
  } catch (error) {
    if (!isWriteError(error)) throw error;
  }
}

/** At once and whole: what is only queued is lost when the process ends. */
function writeAll(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") return; // the reader (`| head`) has seen enough
      if (code !== "EAGAIN") throw error;
    }
  }
}
