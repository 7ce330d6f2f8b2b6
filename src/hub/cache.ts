// The cache that Hugging Face's tools share, read and written as they do:
//
//   models--org--repo/blobs/DIGEST                 contents
//   models--org--repo/snapshots/COMMIT/PATH        links to contents
//   models--org--repo/refs/main                    a commit

import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { systemCode } from "../base/system-error.ts";

export interface CachedModel {
  readonly repo: string;
  readonly commit: string;
  /** The folder of its snapshot. */
  readonly path: string;
  /** Branches and tags that stand for the commit. */
  readonly refs: readonly string[];
  readonly files: readonly CachedFile[];
}

export interface CachedFile {
  /** Relative to the snapshot. */
  readonly path: string;
  readonly size: number;
}

const FOLDER = /^models--([A-Za-z0-9][\w.-]*?)--([A-Za-z0-9][\w.-]*)$/;
const COMMIT = /^[0-9a-f]{40}$/;

export class HubCache {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  folderOf(repo: string): string {
    return join(this.directory, `models--${repo.replace("/", "--")}`);
  }

  blobOf(repo: string, digest: string): string {
    return join(this.folderOf(repo), "blobs", digest);
  }

  /** The commit that a branch, tag or commit stood for when it was fetched; undefined if it was not. */
  async commitOf(repo: string, revision: string): Promise<string | undefined> {
    const folder = this.folderOf(repo);
    if (COMMIT.test(revision) && (await exists(join(folder, "snapshots", revision))))
      return revision;
    const text = await readText(join(folder, "refs", revision));
    const commit = text?.trim();
    return commit !== undefined && COMMIT.test(commit) ? commit : undefined;
  }

  async snapshotOf(repo: string, commit: string): Promise<CachedModel | undefined> {
    const path = join(this.folderOf(repo), "snapshots", commit);
    const files = await filesIn(path);
    if (files.length === 0) return undefined;
    return { repo, commit, path, refs: await this.#refsOf(repo, commit), files };
  }

  /** All snapshots, by name. */
  async list(): Promise<readonly CachedModel[]> {
    const models: CachedModel[] = [];
    for (const folder of await namesIn(this.directory)) {
      const [, org, name] = FOLDER.exec(folder) ?? [];
      if (org === undefined) continue;
      const repo = `${org}/${name}`;
      for (const commit of await namesIn(join(this.directory, folder, "snapshots"))) {
        const model = await this.snapshotOf(repo, commit);
        if (model) models.push(model);
      }
    }
    return models;
  }

  /** Puts a whole content at its place in a snapshot. */
  async link(repo: string, commit: string, path: string, digest: string): Promise<void> {
    const place = join(this.folderOf(repo), "snapshots", commit, path);
    const target = relative(dirname(place), this.blobOf(repo, digest));
    await mkdir(dirname(place), { recursive: true });
    if ((await readLink(place)) === target) return;
    const fresh = `${place}.${process.pid}.link`;
    await rm(fresh, { force: true });
    await symlink(target, fresh);
    await rename(fresh, place);
  }

  /** From now on the branch or tag stands for the commit. */
  async setRef(repo: string, revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const place = join(this.folderOf(repo), "refs", revision);
    await mkdir(dirname(place), { recursive: true });
    const fresh = `${place}.${process.pid}.new`;
    await writeFile(fresh, commit);
    await rename(fresh, place);
  }

  /** Removes a model with all its revisions. Returns the bytes that are free by that. */
  async remove(repo: string): Promise<number> {
    const folder = this.folderOf(repo);
    const blobs = await filesIn(join(folder, "blobs"));
    await rm(folder, { recursive: true, force: true });
    return blobs.reduce((sum, { size }) => sum + size, 0);
  }

  async #refsOf(repo: string, commit: string): Promise<readonly string[]> {
    const refs = join(this.folderOf(repo), "refs");
    const names = (await filesIn(refs)).map(({ path }) => path);
    const found: string[] = [];
    for (const name of names) {
      if ((await readText(join(refs, name)))?.trim() === commit) found.push(name);
    }
    return found;
  }
}

/** Files of a folder and of those in it; links whose content is missing are none. */
async function filesIn(folder: string, below = ""): Promise<readonly CachedFile[]> {
  const files: CachedFile[] = [];
  for (const name of await namesIn(join(folder, below))) {
    const path = join(below, name);
    const found = await statOf(join(folder, path));
    if (found?.isDirectory()) files.push(...(await filesIn(folder, path)));
    else if (found?.isFile()) files.push({ path, size: found.size });
  }
  return files;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await orMissing(readdir(folder)))?.toSorted() ?? [];
}

function readText(path: string): Promise<string | undefined> {
  return orMissing(readFile(path, "utf8"));
}

function readLink(path: string): Promise<string | undefined> {
  return orMissing(
    lstat(path).then((found) => (found.isSymbolicLink() ? readlink(path) : undefined)),
  );
}

function statOf(path: string) {
  return orMissing(stat(path));
}

async function exists(path: string): Promise<boolean> {
  return (await statOf(path)) !== undefined;
}

async function orMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
