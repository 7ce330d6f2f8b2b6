// Packed weights on disk, so that the next start reads them instead of reading and packing a model again.
//
//   <directory>/<model>-<hash of what they depend on>.dynpack    whole, checked by the library as it is read
//   <directory>/<same>.<process>.part                            being written; renamed when it is on the disk
//
// A file is never written again once it has its name: others may be reading it. Nothing here may keep a model
// from being served, so what the system refuses is a warning. A directory that other users may write to is not used, nor
// is what is no file, or a file that another user can have written.

import { closeSync, fstatSync, statSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { lstat, mkdir, open, readdir, rename, rm, statfs, utimes } from "node:fs/promises";
import { basename, join } from "node:path";

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { NotRegularFileError, openRegularFile } from "../base/regular-file.ts";

export interface WeightCacheOptions {
  readonly directory: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Weights of fewer bytes are packed sooner than a file of them is worth. */
  readonly minBytes?: number;
  /** Size of all files together. The ones that were used last stay. Default: a tenth of what the disk has to give. */
  readonly maxBytes?: number | undefined;
  /** Bytes that are free on a directory's disk. */
  readonly freeBytes?: (directory: string) => Promise<number>;
  /** Opens a new file. */
  readonly create?: (path: string) => Promise<FileHandle>;
}

/** The bytes of an image from `offset` on; they are gone once `isGone`. */
export interface ImageSource {
  readonly numBytes: number;
  read(offset: number, numBytes: number): Uint8Array;
  isGone(): boolean;
}

/** Smaller weights are packed sooner than they are read. */
export const MIN_CACHED_BYTES = 64e6;
/** Share of what is free on the disk, the cache's own files counted as free. */
const DEFAULT_SHARE = 0.1;

const SUFFIX = ".dynpack";
const PART_SUFFIX = ".part";
const PIECE_BYTES = 8 << 20;
/** Bytes that a disk keeps free, whatever could be cached. */
const SPARE_DISK_BYTES = 1e9;
/** A part not written to for so long belongs to a process that has died. */
const STALE_PART_MS = 3600_000;

export class WeightCache {
  readonly #options: WeightCacheOptions;
  readonly #minBytes: number;

  constructor(options: WeightCacheOptions) {
    this.#options = options;
    this.#minBytes = options.minBytes ?? MIN_CACHED_BYTES;
  }

  /** Hands `use` a descriptor of the file, if there is one, which is open until `use` returns. */
  withFile<T>(name: string, use: (fd: number | undefined) => T): T {
    if (isForeign(this.#options.directory)) return use(undefined);
    const fd = openIfThere(this.#pathOf(name));
    try {
      return use(fd);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  /** Remembers that the file was used, for when there is no room for all of them. */
  async touch(name: string): Promise<void> {
    const now = this.#options.clock.wallTime() / 1000;
    await this.#attempt("note that they were used", () => utimes(this.#pathOf(name), now, now));
  }

  /** Writes the image under its name, unless it is too small to be worth it. */
  async save(name: string, image: ImageSource): Promise<void> {
    const { directory, log } = this.#options;
    if (image.numBytes < this.#minBytes) return;
    if (isForeign(directory)) {
      log.warn(
        "packed weights are not cached: other users may write to the folder; chmod go-w and make it this user's, or set XDG_CACHE_HOME",
        { directory },
      );
      return;
    }
    const write = async () => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await this.#removeStaleParts();
      const maxBytes = await this.#maxBytes();
      if (image.numBytes > maxBytes) throw new CacheLimitError(image.numBytes, maxBytes);
      await this.#checkRoom(image.numBytes);
      if (await this.#write(name, image)) await this.#prune(name, maxBytes);
    };
    await this.#attempt("write them", write, () => image.isGone());
  }

  /** True if the file is there now. */
  async #write(name: string, image: ImageSource): Promise<boolean> {
    const part = `${this.#pathOf(name)}.${process.pid}${PART_SUFFIX}`;
    const { create = createFile } = this.#options;
    const file = await create(part).catch((error: unknown) => {
      if (codeOf(error) === "EEXIST") return undefined; // another worker of this process is at it
      throw error;
    });
    if (file === undefined) return false;
    let isRenamed = false; // From then on a part of this name is another worker's.
    try {
      try {
        await writeImage(file, image);
      } finally {
        await file.close();
      }
      if (image.isGone()) return false;
      await rename(part, this.#pathOf(name));
      isRenamed = true;
      return true;
    } finally {
      if (!isRenamed) await rm(part, { force: true });
    }
  }

  async #maxBytes(): Promise<number> {
    const { directory, maxBytes } = this.#options;
    if (maxBytes !== undefined) return maxBytes;
    const { bytes } = await cacheUsage(directory);
    return DEFAULT_SHARE * ((await this.#freeBytes()) + bytes);
  }

  async #checkRoom(numBytes: number): Promise<void> {
    if ((await this.#freeBytes()) >= numBytes + SPARE_DISK_BYTES) return;
    throw Object.assign(new Error("the disk has no room for them"), { code: "ENOSPC" });
  }

  #freeBytes(): Promise<number> {
    const { directory, freeBytes = freeOnDisk } = this.#options;
    return freeBytes(directory);
  }

  /** Removes the files that were not used for longest, down to the limit. */
  async #prune(newest: string, maxBytes: number): Promise<void> {
    const files = await listFiles(this.#options.directory, SUFFIX);
    let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { path, bytes } of files.toSorted((a, b) => a.usedMs - b.usedMs)) {
      if (total <= maxBytes) return;
      if (path === this.#pathOf(newest)) continue;
      await rm(path, { force: true });
      total -= bytes;
    }
  }

  async #removeStaleParts(): Promise<void> {
    const { directory, clock } = this.#options;
    for (const { path, usedMs } of await listFiles(directory, PART_SUFFIX)) {
      if (clock.wallTime() - usedMs > STALE_PART_MS) await rm(path, { force: true });
    }
  }

  #pathOf(name: string): string {
    return join(this.#options.directory, name + SUFFIX);
  }

  /** Logs what the system refuses, and no more. */
  async #attempt(
    what: string,
    action: () => Promise<void>,
    isMoot: () => boolean = () => false,
  ): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      if (isMoot()) return; // memory that is gone cannot be written (EFAULT)
      this.#options.log.warn(
        `packed weights are not cached: cannot ${what}; the next start packs them again, unless --VllmWorker.weight-cache=false is meant`,
        { directory: this.#options.directory, reason: (error as Error).message },
      );
    }
  }
}

/** Name of a model's weights in the cache: one part says which, the hash all that they depend on. */
export function cacheName(modelPath: string, parts: readonly (number | bigint)[]): string {
  const readable = basename(modelPath)
    .replace(/[^\w.-]+/g, "_")
    .slice(0, 80);
  const hash = Bun.hash.xxHash3(parts.join(" ")).toString(16).padStart(16, "0");
  return `${readable}-${hash}`;
}

/** The size of all files together, and their number. */
export async function cacheUsage(directory: string): Promise<{ bytes: number; numFiles: number }> {
  const files = await listFiles(directory, SUFFIX).catch((error: unknown) => {
    if (codeOf(error) === undefined) throw error;
    return [];
  });
  return { bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), numFiles: files.length };
}

/** Writes an image that is still there, and has it on the disk. */
export async function writeImage(file: FileHandle, image: ImageSource): Promise<void> {
  for (let offset = 0; offset < image.numBytes && !image.isGone(); ) {
    const piece = image.read(offset, Math.min(PIECE_BYTES, image.numBytes - offset));
    const { bytesWritten } = await file.write(piece, 0, piece.length, offset);
    offset += bytesWritten;
  }
  if (!image.isGone()) await file.sync(); // before the name: a file that has it is whole
}

async function freeOnDisk(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** An image would be more than the cache may take. */
class CacheLimitError extends Error {
  readonly code = "EFBIG";

  constructor(numBytes: number, maxBytes: number) {
    const [needed, limit] = [numBytes, maxBytes].map((bytes) => `${(bytes / 1e9).toFixed(2)} GB`);
    super(
      `they take ${needed}, and the cache may take ${limit}, a tenth of the free space where nothing else is set: --VllmWorker.weight-cache-size=${needed?.replace(" ", "")}`,
    );
  }
}

interface CacheFile {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/** Files alone, not what links to them; those that vanish meanwhile are left out. */
async function listFiles(directory: string, suffix: string): Promise<readonly CacheFile[]> {
  const files: CacheFile[] = [];
  for (const entry of await readdir(directory)) {
    if (!entry.endsWith(suffix)) continue;
    const path = join(directory, entry);
    const status = await lstat(path).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (status?.isFile()) files.push({ path, bytes: status.size, usedMs: status.mtimeMs });
  }
  return files;
}

function createFile(path: string): Promise<FileHandle> {
  return open(path, "wx", 0o600);
}

function openIfThere(path: string): number | undefined {
  try {
    const fd = openRegularFile(path);
    if (isOurs(fd)) return fd;
    closeSync(fd);
  } catch (error) {
    if (codeOf(error) === undefined && !(error instanceof NotRegularFileError)) throw error;
  }
  return undefined; // not there, or not ours: it is made anew
}

/** True if only this user and root can have written to it. */
function isOurs(fd: number): boolean {
  const { uid, mode } = fstatSync(fd);
  return (uid === 0 || uid === process.getuid?.()) && (mode & 0o022) === 0;
}

/** True for a directory that is there and that others than this user and root may write to. */
function isForeign(directory: string): boolean {
  try {
    const { uid, mode } = statSync(directory);
    return (uid !== 0 && uid !== process.getuid?.()) || (mode & 0o022) !== 0;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false; // it cannot be used anyhow
  }
}

/** The system's code of an error; undefined for any other. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
