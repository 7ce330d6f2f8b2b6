// Paths as a model's owner writes them: checked before anything is opened, so that a device, a pipe or
// another folder's file is never read by mistake.

import { open, readdir, readlink, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { unreachable } from "../base/assert.ts";
import { didYouMean } from "../base/nearest.ts";
import { READ_WITHOUT_WAITING } from "../base/regular-file.ts";
import { describeSystemError } from "../base/system-error.ts";
import { BUILT_IN_MODEL, builtInDirectory, isEmbedded } from "./built-in-model.ts";
import { ModelError, ModelNotFoundError } from "./model-files.ts";

const MAX_SHOWN_FILES = 8;

/** The file that makes a directory a packed image; see packed-model.ts. */
export const PACKED_CARD = "packed-model.json";

/** A model's files: a directory as on the Hugging Face hub, one GGUF file that has it all, or a packed image. */
export interface ModelLocation {
  readonly format: "hub" | "gguf" | "packed";
  /** Absolute. */
  readonly path: string;
}

/** Finds a model. Throws `ModelNotFoundError` when there is none. */
export async function locateModel(model: string): Promise<ModelLocation> {
  const path = model === BUILT_IN_MODEL ? builtInDirectory() : resolve(model);
  const found = await kindOf(path);
  switch (found) {
    case "directory":
      return locateInDirectory(path);
    case "file":
      return { format: "gguf", path };
    case "nothing":
      throw new ModelNotFoundError(await noModelText(model, path));
    case "other":
      throw new ModelNotFoundError(`${path} is neither a directory nor a file`);
    default:
      return unreachable(found);
  }
}

/** Safetensors come first: a directory that has them is complete, and a GGUF file beside them a copy. */
async function locateInDirectory(directory: string): Promise<ModelLocation> {
  const names = await listFiles(directory, [".safetensors", ".gguf", PACKED_CARD]);
  if (names.includes(PACKED_CARD)) return { format: "packed", path: directory };
  const files = names.filter((name) => name.endsWith(".gguf"));
  if (files.length === 0 || files.length < names.length) return { format: "hub", path: directory };
  const models = [...new Set(files.map((name) => partName(name, 0) ?? name))];
  const [only = ""] = models;
  if (models.length === 1) return { format: "gguf", path: join(directory, only) };
  throw new ModelError(
    `${directory} has ${models.length} GGUF files (${models.slice(0, MAX_SHOWN_FILES).join(", ")}); ` +
      "give the path of one of them",
  );
}

const GGUF_PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** Name of the `index`th part of a GGUF model, in the manner of the part that is called `name`. */
export function partName(name: string, index: number): string | undefined {
  const [, prefix, , count] = GGUF_PART.exec(name) ?? [];
  if (count === undefined || index >= Number(count)) return undefined;
  return `${prefix}-${String(index + 1).padStart(5, "0")}-of-${count}.gguf`;
}

/** A file that is read in parts: of the file system, or embedded. */
export interface OpenFile {
  stat(): Promise<{ readonly size: number }>;
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  readFile(): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Opens a regular file for reading; `undefined` when there is none. */
export async function openFile(path: string): Promise<OpenFile | undefined> {
  const found = await kindOf(path);
  if (found === "nothing") return undefined;
  if (found !== "file") throw new ModelError(`${path} is not a regular file`);
  try {
    return isEmbedded(path) ? new EmbeddedFile(path) : await open(path, READ_WITHOUT_WAITING);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Names of the files in `directory` that end in one of `suffixes`, sorted. */
export async function listFiles(
  directory: string,
  suffixes: readonly string[],
): Promise<readonly string[]> {
  const names = await readNames(directory);
  return names.filter((name) => suffixes.some((suffix) => name.endsWith(suffix))).sort();
}

/** The path of `name` in `directory`; a name that could lead elsewhere is refused. */
export function pathInDirectory(directory: string, name: string, writtenIn: string): string {
  if (!/^[^/\\\0]+$/.test(name) || name === "." || name === "..") {
    throw new ModelError(
      `${writtenIn} names the file ${JSON.stringify(name)}; only plain file names in its own ` +
        "directory are allowed",
    );
  }
  return join(directory, name);
}

/** An operating system's error as a `ModelError` that names the path. */
export function unreadable(path: string, error: unknown): ModelError {
  return new ModelError(`${path} cannot be read: ${describeSystemError(error)}`);
}

/** Has no descriptor: it lies in the executable, which is mapped, and only what is read is copied. */
class EmbeddedFile implements OpenFile {
  readonly #file: Blob;

  constructor(path: string) {
    this.#file = Bun.file(path);
  }

  async stat() {
    return { size: this.#file.size };
  }

  async read(into: Uint8Array, offset: number, length: number, position: number) {
    const part = await this.#file.slice(position, position + length).bytes();
    into.set(part, offset);
    return { bytesRead: part.length };
  }

  readFile() {
    return this.#file.bytes();
  }

  async close() {}
}

async function readNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw unreadable(directory, error);
  }
}

async function kindOf(path: string): Promise<"directory" | "file" | "other" | "nothing"> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return "directory";
    return found.isFile() ? "file" : "other";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return "nothing";
    throw unreadable(path, error);
  }
}

const HUB_URL = /^https?:\/\/[^/]+\/([\w.-]+\/[\w.-]+)/;

/** A name in a folder that is there is a slip of the pen; a name in none may be that of the hub. */
async function noModelText(model: string, path: string): Promise<string> {
  const [, repository] = HUB_URL.exec(model) ?? [];
  if (repository !== undefined) {
    return `${model} is an address; give the name, ${repository}, which is fetched at the start, or fetch it before: dynamo pull ${repository}`;
  }
  const target = await readlink(path).catch(() => undefined); // no link, or nothing
  if (target !== undefined) {
    return `no model at ${path}: it is a symbolic link to ${target}, which is not there`;
  }
  const folder = dirname(path);
  const isThere = (await kindOf(folder)) === "directory";
  const isHubName = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(model);
  if (!isHubName || isThere) {
    const beside = isThere ? await readNames(folder) : [];
    const written = dirname(model);
    const near = didYouMean(
      model,
      beside.map((name) => (model.includes("/") ? join(written, name) : name)),
    );
    return `no model at ${path}.${near} Give the path of a Hugging Face model directory, or of a GGUF file`;
  }
  return (
    `no model at ${path}. "${model}" looks like a repository of the Hugging Face ` +
    `hub, and is not on this machine: fetch it (dynamo pull ${model}), or give the path of a model`
  );
}
