// What a command may use of the world outside. Read once here and handed on as a value, so that
// everything below can be tested without a process.

import { writeSync } from "node:fs";

import { isWriteError } from "../base/log.ts";

export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly workingDir: string;
  /** Whether people read standard output: colours, then. */
  readonly isTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
  /** Calls `receive` for each request to end (Ctrl-C and its like) until the returned function is called. */
  onInterrupt(receive: () => void): () => void;
}

export function processContext(): CliContext {
  return {
    environment: { ...process.env },
    workingDir: process.cwd(),
    isTerminal: process.stdout.isTTY === true,
    out: (text) => writeAll(1, text),
    err: writeError,
    onInterrupt(receive) {
      for (const signal of INTERRUPTS) process.on(signal, receive);
      return () => {
        for (const signal of INTERRUPTS) process.off(signal, receive);
      };
    },
  };
}

/** Not SIGHUP: listening for it would undo nohup. */
const INTERRUPTS = ["SIGINT", "SIGTERM"] as const;

/** There is nobody to tell that this failed; and a server outlives its log. */
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
