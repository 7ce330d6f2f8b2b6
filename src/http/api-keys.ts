// The API keys that hold now. Their file is read again when it has changed; a new one that cannot be read or
// understood changes nothing but the log.

import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";

import type { Clock, Timer } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type ApiKey, findKey } from "./api-key.ts";
import { KeyFileError, parseKeyFile } from "./key-file.ts";

export interface ApiKeysOptions {
  readonly file: string | undefined;
  /** Keys beside those of the file. */
  readonly others: readonly ApiKey[];
  readonly clock: Clock;
  readonly log: Logger;
}

export class ApiKeys {
  readonly #file: string | undefined;
  readonly #others: readonly ApiKey[];
  readonly #clock: Clock;
  readonly #log: Logger;
  #keys: readonly ApiKey[];
  /** The version that was read last, or was found wanting. */
  #version: Version | undefined;
  #isBeingWritten = false;
  /** A change of the very file that was read, and since when it has looked as it does. */
  #change: { readonly id: string; readonly since: number } | undefined;
  #settling: Promise<void> | undefined;

  /** Throws `invalid_key_file`. */
  constructor({ file, others, clock, log }: ApiKeysOptions) {
    this.#file = file;
    this.#others = others;
    this.#clock = clock;
    this.#log = log;
    this.#keys = others;
    for (const { name, isShort } of others) {
      if (isShort) log.warn("an API key of fewer than 16 characters can be guessed", { name });
    }
    if (file === undefined) return;
    const { keys, version, isPublic } = readKeyFile(file);
    this.#take(keys, version);
    if (isPublic)
      log.warn("other users of this machine can read the API keys; chmod 600", { file });
  }

  /** The key that `presented` is, by the file as it was last read. */
  find(presented: string): ApiKey | undefined {
    return findKey(this.#keys, presented);
  }

  /**
   * Undefined when `find` answers by the file as it is now. Else the file is being written in place, so that it may be
   * half there: a promise for the moment when it is no more. A file that takes another's place is whole at once.
   */
  settled(): Promise<void> | undefined {
    this.refresh();
    if (!this.#isBeingWritten) return undefined;
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  /**
   * Reads the file if it has changed; 2 µs when not. Asking the path, and for each request, finds every kind of
   * replacement (rename, rewriting, a link that is pointed elsewhere), and a key that was removed opens nothing more.
   */
  refresh(): void {
    const file = this.#file;
    if (file === undefined) return;
    const found = versionOf(file);
    const hasChanged = found?.id !== this.#version?.id;
    this.#isBeingWritten = hasChanged && this.#mayGoOn(found);
    if (!hasChanged || this.#isBeingWritten) return;
    try {
      const { keys, version } = readKeyFile(file);
      this.#take(keys, version);
      this.#log.info("API keys read again", { file, keys: keys.length });
    } catch (error) {
      if (!(error instanceof DynamoError)) throw error;
      this.#version = found;
      this.#log.error(`the API keys stay as they were: ${error.message}`);
    }
  }

  /** Refreshes without requests, so that the log tells of a bad file soon after it was written. */
  watch(): Timer {
    let timer: Timer;
    const look = () => {
      this.refresh();
      timer = this.#clock.after(WATCH_MS, look);
    };
    timer = this.#clock.after(WATCH_MS, look);
    return { cancel: () => timer.cancel() };
  }

  async #settle(): Promise<void> {
    const end = this.#clock.now() + MAX_SETTLE_MS;
    while (this.#isBeingWritten && this.#clock.now() < end) {
      await this.#clock.sleep(SETTLE_MS);
      this.refresh();
    }
  }

  /**
   * Tells if the one that wrote to this very file has stopped too lately to be done. Its times tell nothing: a file that
   * was just cut to nothing may still bear the time of the write before.
   */
  #mayGoOn(found: Version | undefined): boolean {
    if (!found || found.inode !== this.#version?.inode) return false;
    const now = this.#clock.now();
    if (this.#change?.id !== found.id) this.#change = { id: found.id, since: now };
    return now - this.#change.since < SETTLE_MS;
  }

  #take(keys: readonly ApiKey[], version: Version): void {
    this.#version = version;
    this.#keys = [...this.#others, ...keys];
    const short = keys.filter(({ isShort }) => isShort).length;
    if (short === 0) return;
    this.#log.warn("API keys of fewer than 16 characters can be guessed", { short });
  }
}

const WATCH_MS = 500;
/** How long a file that is written in place is left alone after its last change, and how long it is waited for. */
const SETTLE_MS = 100;
const MAX_SETTLE_MS = 1000;
const MAX_BYTES = 2 ** 20;

/** Which content of which file a path leads to. */
interface Version {
  readonly id: string;
  readonly inode: string;
}

interface ReadKeys {
  readonly keys: readonly ApiKey[];
  readonly version: Version;
  /** Readable by all users of the machine. */
  readonly isPublic: boolean;
}

/** Throws `invalid_key_file`, which names the file. */
export function readKeyFile(file: string): ReadKeys {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // a FIFO must not hold us up
  } catch (error) {
    throw cannotRead(file, error);
  }
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw new KeyFileError(`${file} is no regular file; name a file of keys`);
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    const numBytes = readSync(fd, bytes, 0, bytes.length, 0);
    if (numBytes > MAX_BYTES) throw new KeyFileError(`${file} is larger than ${MAX_BYTES} bytes`);
    const keys = parseKeyFile(bytes.toString("utf8", 0, numBytes), file);
    return { keys, version: toVersion(stat), isPublic: (stat.mode & 0o004n) !== 0n };
  } catch (error) {
    throw error instanceof DynamoError ? error : cannotRead(file, error);
  } finally {
    closeSync(fd);
  }
}

function cannotRead(file: string, error: unknown): KeyFileError {
  const reason = error instanceof Error ? error.message : String(error);
  return new KeyFileError(`cannot read the API keys in ${file}: ${reason}`);
}

/** Undefined where there is no file, or none that may be seen. */
function versionOf(file: string): Version | undefined {
  try {
    return toVersion(statSync(file, { bigint: true }));
  } catch (error) {
    if (error instanceof Error && "syscall" in error) return undefined; // reading it says why
    throw error;
  }
}

function toVersion({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Version {
  const inode = `${dev}:${ino}`;
  return { id: `${inode}:${size}:${mtimeNs}:${ctimeNs}`, inode };
}
