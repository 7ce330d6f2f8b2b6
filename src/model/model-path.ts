// Paths as a model's owner writes them: checked before anything is opened, so that a device, a pipe or
// another folder's file is never read by mistake.

import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { ModelError, ModelNotFoundError } from "./model-error.ts";

/** The absolute path of a model directory. Throws `ModelNotFoundError` when there is none. */
export async function resolveModelDirectory(model: string): Promise<string> {
  const directory = resolve(model);
  const found = await kindOf(directory);
  if (found === "directory") return directory;
  if (found === "nothing") throw new ModelNotFoundError(noDirectoryText(model, directory));
  throw new ModelNotFoundError(
    `${directory} is a file; a model is a directory with config.json, tokenizer.json and ` +
      "*.safetensors as on the Hugging Face hub (single-file formats such as GGUF are not supported yet)",
  );
}

/** Opens a regular file for reading; `undefined` when there is none. */
export async function openFile(path: string): Promise<FileHandle | undefined> {
  const found = await kindOf(path);
  if (found === "nothing") return undefined;
  if (found !== "file") throw new ModelError(`${path} is not a regular file`);
  try {
    return await open(path, "r");
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
  const reason = error instanceof Error ? error.message : String(error);
  return new ModelError(`${path} cannot be read: ${reason}`);
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

function noDirectoryText(model: string, directory: string): string {
  if (!/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(model)) {
    return `no model directory at ${directory}; give the path of a Hugging Face model directory`;
  }
  return (
    `no model directory at ${directory}. "${model}" looks like a repository of the Hugging Face ` +
    "hub, and downloading is not built in yet: fetch it once " +
    `(hf download ${model} --local-dir DIR) and give DIR as the model`
  );
}
