// One content from the hub into the cache. A part stays in `DIGEST.incomplete`, and the next try goes on behind it;
// the content gets its name only when it has its size and its digest.

import type { FileHandle } from "node:fs/promises";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

import type { Clock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import { describeSystemError, systemCode } from "../base/system-error.ts";
import { withLock } from "./blob-lock.ts";
import { hashFor } from "./digest.ts";
import { type HubClient, SILENCE_MS } from "./hub-client.ts";
import { HubError, TransferError } from "./hub-error.ts";
import type { RepoFile } from "./selection.ts";

export interface FetchBlobOptions {
  readonly client: HubClient;
  readonly repo: string;
  readonly commit: string;
  readonly file: RepoFile;
  /** Path that the content is to have. */
  readonly place: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Bytes that are there now. */
  readonly onProgress: (numBytes: number) => void;
  /** A transfer broke off and is tried again. */
  readonly onRetry: (reason: string, waitMs: number) => void;
}

/** Tries in a row that bring nothing new. */
const MAX_TRIES = 6;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 20_000;
/** The longest wait that a server may ask for. */
const MAX_ASKED_MS = 300_000;

/** Throws `HubError`. */
export async function fetchBlob(options: FetchBlobOptions): Promise<void> {
  const { place, clock, signal, file } = options;
  await mkdir(dirname(place), { recursive: true });
  await withLock(`${place}.lock`, { clock, signal }, async () => {
    const found = await sizeOf(place);
    if (found === file.size) return options.onProgress(file.size);
    await fetchParts(options);
  });
}

async function fetchParts(options: FetchBlobOptions): Promise<void> {
  const { place, file } = options;
  const part = `${place}.incomplete`;
  let isSecond = false;
  for (;;) {
    const handle = await orFullDisk(place, open(part, "a+"));
    let isRight = false;
    try {
      isRight = await fillAndCheck(handle, options);
    } finally {
      await handle.close();
    }
    if (isRight) return orFullDisk(place, rename(part, place));
    // Not one byte of it can be trusted: it may be a disk's, a proxy's or the hub's fault.
    await rm(part, { force: true });
    if (isSecond) {
      throw new HubError(
        `${file.path} of ${options.repo} came twice with another content than the hub says; nothing of it is kept. Try again later, or check the proxy`,
      );
    }
    isSecond = true;
  }
}

/** False if its digest is another. */
async function fillAndCheck(handle: FileHandle, options: FetchBlobOptions): Promise<boolean> {
  const { file, clock, signal, onRetry } = options;
  let size = (await handle.stat()).size;
  if (size > file.size) size = await emptied(handle);
  let numTries = 0;
  while (size < file.size) {
    const before = size;
    try {
      size = await append(handle, size, options);
      if (size < file.size) throw new TransferError("the connection ended early");
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransferError)) throw error;
      size = (await handle.stat()).size;
      numTries = size > before ? 0 : numTries + 1;
      if (numTries >= MAX_TRIES) {
        throw new HubError(
          `${file.path} of ${options.repo}: ${error.message}; ${MAX_TRIES} tries brought nothing more. What came is kept: pull again to go on`,
        );
      }
      const waitMs = waitFor(error, numTries);
      onRetry(error.message, waitMs);
      await clock.sleep(waitMs);
    }
  }
  return (await digestOf(handle, file)) === file.digest;
}

async function emptied(handle: FileHandle): Promise<number> {
  await handle.truncate(0);
  return 0;
}

function waitFor({ retryAfterMs }: TransferError, numTries: number): number {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, MAX_ASKED_MS);
  return Math.min(FIRST_WAIT_MS * 2 ** numTries, MAX_WAIT_MS);
}

/** Returns the size that the part has then. */
async function append(
  handle: FileHandle,
  offset: number,
  { client, repo, commit, file, place, onProgress, clock, signal }: FetchBlobOptions,
): Promise<number> {
  const { body, isWhole, drop } = await client.open({ repo, commit, path: file.path }, offset);
  let size = offset;
  if (isWhole && offset > 0) size = await emptied(handle);
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const chunk = await inTime(chunks.next(), clock, signal);
      if (chunk.done) return size;
      if (size + chunk.value.length > file.size) {
        await handle.truncate(0);
        throw new TransferError("the server sent more bytes than the file has");
      }
      await orFullDisk(place, handle.write(chunk.value));
      size += chunk.value.length;
      onProgress(size);
    }
  } catch (error) {
    if (error instanceof DynamoError || signal.aborted) throw error;
    throw new TransferError(error instanceof Error ? error.message : String(error));
  } finally {
    drop();
  }
}

async function inTime<T>(read: Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.after(SILENCE_MS, () =>
    reject(new TransferError(`the server has sent nothing for ${SILENCE_MS / 1000} s`)),
  );
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([read, late]);
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", onAbort);
  }
}

const READ_BYTES = 2 ** 20;

async function digestOf(handle: FileHandle, file: RepoFile): Promise<string> {
  const hash = hashFor(file.digest, file.size);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function orFullDisk<T>(place: string, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new HubError(`${place} cannot be written: ${describeSystemError(error)}`);
  }
}
