// How far something long has come: a line that is rewritten on a terminal, a log line now and then elsewhere,
// and nothing at all for what is done within a second.

import { readlinkSync } from "node:fs";

import type { Clock } from "./clock.ts";
import { type Logger, writeToStderr } from "./log.ts";
import { systemCode } from "./system-error.ts";

export interface ProgressOptions {
  /** The activity: "loading Qwen3-0.6B". */
  readonly what: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** True if people read the log. Default: true if it goes to a terminal. */
  readonly isTerminal?: boolean;
  readonly write?: (text: string) => void;
}

const QUIET_MS = 1000;
const REWRITE_MS = 100;
const LOG_MS = 3000;

export class Progress {
  readonly #options: ProgressOptions;
  readonly #isTerminal: boolean;
  readonly #write: (text: string) => void;
  readonly #begun: number;
  #told: number;
  #lineLength = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#isTerminal = options.isTerminal ?? isErrorTerminal();
    this.#write = options.write ?? writeToStderr;
    this.#begun = options.clock.now();
    // The first line comes when it is no longer quiet.
    this.#told = this.#begun + QUIET_MS - (this.#isTerminal ? REWRITE_MS : LOG_MS);
  }

  /** `done` of `total` bytes. Call it often. */
  report(done: number, total: number): void {
    const now = this.#options.clock.now();
    if (now - this.#told < (this.#isTerminal ? REWRITE_MS : LOG_MS)) return;
    this.#told = now;
    const share = total === 0 ? 1 : done / total;
    const percent = `${Math.floor(100 * share)} %`;
    const left = share > 0 ? Math.ceil(((now - this.#begun) * (1 / share - 1)) / 1000) : undefined;
    if (this.#isTerminal) this.#rewrite(`${this.#options.what}  ${percent}, ${left ?? "?"} s left`);
    else this.#options.log.info(this.#options.what, { done: percent, "seconds-left": left });
  }

  /** Takes the line away. */
  end(): void {
    if (this.#lineLength > 0) this.#rewrite("");
  }

  /** The cursor stays at the line's begin, so that the next writer writes over it. */
  #rewrite(line: string): void {
    this.#write(`${line.padEnd(this.#lineLength)}\r`);
    this.#lineLength = line.length;
  }
}

/** True if standard error is a terminal. (node:tty says so too, and takes 1.5 MB in each thread that loads it.) */
function isErrorTerminal(): boolean {
  try {
    return /^\/dev\/(pts\/|tty|console)/.test(readlinkSync("/proc/self/fd/2"));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false; // it is closed, or nothing says what it is
  }
}
