// A model from the hub into the cache: its files are chosen, the room for them is looked at, and each comes by itself.

import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "../base/clock.ts";
import { describeSystemError } from "../base/system-error.ts";
import type { HubCache } from "./cache.ts";
import { fetchBlob } from "./fetch-blob.ts";
import type { HubClient } from "./hub-client.ts";
import { HubError, TransferError } from "./hub-error.ts";
import type { HubName } from "./model-name.ts";
import { type RepoFile, type Selection, selectFiles } from "./selection.ts";

export interface PullOptions {
  readonly name: HubName;
  readonly client: HubClient;
  readonly cache: HubCache;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (numBytes: number, totalBytes: number) => void;
  readonly onRetry: (reason: string, waitMs: number) => void;
}

export interface PulledModel {
  readonly commit: string;
  /** Path to open: the snapshot's folder, or the GGUF file in it. */
  readonly path: string;
  readonly numFiles: number;
  readonly totalBytes: number;
}

const MAX_TRIES = 5;
const FIRST_WAIT_MS = 500;

/** Throws `HubError`. A failure keeps what came before: the next pull goes on with it. */
export async function pullModel(options: PullOptions): Promise<PulledModel> {
  const { name, client, cache } = options;
  const { repo, revision } = name;
  const commit = await again(options, () => client.commitOf(name));
  const files = await again(options, () => client.files(repo, commit));
  const { files: wanted, gguf } = selectFiles(name, files);
  const totalBytes = wanted.reduce((sum, { size }) => sum + size, 0);
  await checkRoom(options, wanted);
  let doneBytes = 0;
  for (const file of wanted) {
    await fetchBlob({
      ...options,
      ...{ repo, commit, file },
      place: cache.blobOf(repo, file.digest),
      onProgress: (numBytes) => options.onProgress(doneBytes + numBytes, totalBytes),
    });
    await cache.link(repo, commit, file.path, file.digest);
    doneBytes += file.size;
  }
  await cache.setRef(repo, revision, commit);
  const folder = join(cache.folderOf(repo), "snapshots", commit);
  const path = gguf === undefined ? folder : join(folder, gguf);
  return { commit, path, numFiles: wanted.length, totalBytes };
}

/** Looks up what would be fetched: its files and their sizes. Throws `HubError`. */
export async function lookUp({
  name,
  client,
  ...rest
}: Pick<PullOptions, "name" | "client" | "clock" | "signal" | "onRetry">): Promise<
  Selection & { readonly commit: string }
> {
  const options = { ...rest, name };
  const commit = await again(options, () => client.commitOf(name));
  const files = await again(options, () => client.files(name.repo, commit));
  return { commit, ...selectFiles(name, files) };
}

type Again = Pick<PullOptions, "name" | "clock" | "signal" | "onRetry">;

async function again<T>(
  { name, clock, signal, onRetry }: Again,
  ask: () => Promise<T>,
): Promise<T> {
  for (let numTries = 1; ; numTries++) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransferError)) throw error;
      if (numTries === MAX_TRIES) throw new HubError(`${name.repo}: ${error.message}`);
      const waitMs = error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** numTries;
      onRetry(error.message, waitMs);
      await clock.sleep(waitMs);
    }
  }
}

/** Before the first byte: a disk that fills up takes more than this pull with it. */
async function checkRoom({ cache, name }: PullOptions, files: readonly RepoFile[]): Promise<void> {
  const folder = cache.folderOf(name.repo);
  await createFolder(folder);
  const { bavail, bsize } = await statfs(folder);
  const sizes = files.map(async ({ digest, size }) => {
    const place = cache.blobOf(name.repo, digest);
    const there = (await sizeOf(place)) ?? (await sizeOf(`${place}.incomplete`)) ?? 0;
    return Math.max(0, size - there);
  });
  const needed = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  if (needed <= bavail * bsize) return;
  throw new HubError(
    `${name.repo} needs ${gigabytes(needed)} more on the disk of ${cache.directory}, which has ${gigabytes(bavail * bsize)} left: make room, or set HF_HUB_CACHE to a folder of another disk`,
  );
}

async function createFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new HubError(`${folder} cannot be made: ${describeSystemError(error)}`);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const file = Bun.file(path);
  return (await file.exists()) ? file.size : undefined;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
