// Which files of a repository a model needs. Pickled weights are never among them: reading one runs its code.

import { didYouMean } from "../base/nearest.ts";
import { chooseVariant, ggufVariants } from "./gguf-names.ts";
import { HubError } from "./hub-error.ts";
import { type HubName, hubNameText } from "./model-name.ts";

export interface RepoFile {
  /** With slashes, relative to the repository. */
  readonly path: string;
  readonly size: number;
  /** The name of its content: SHA-256 of a large file, git's SHA-1 of a small one; hex. */
  readonly digest: string;
}

export interface Selection {
  readonly files: readonly RepoFile[];
  /** The GGUF file to open, the first of its parts; undefined for a repository of safetensors. */
  readonly gguf: string | undefined;
}

/** Files beside the weights, at the top of the repository. */
const SIDE_FILE =
  /^(?:[^/]*\.json|[^/]*\.jinja|tokenizer\.model|merges\.txt|vocab\.txt|LICENSE[^/]*)$/i;
const MAX_SIDE_BYTES = 256 * 2 ** 20;
const MAX_SHOWN = 24;

/** Throws `HubError` which names what there is. */
export function selectFiles(name: HubName, files: readonly RepoFile[]): Selection {
  for (const { path } of files) refuseOutside(name.repo, path);
  const variants = ggufVariants(files.map(({ path }) => path));
  const weights = files.filter(({ path }) => isSafetensors(path));
  if (name.tag === undefined && weights.length > 0) {
    return { files: [...weights, ...sideFiles(files)], gguf: undefined };
  }
  const chosen = chooseVariant(variants, name.tag);
  if (!chosen)
    throw nothingToServe(
      name,
      variants.map(({ tag }) => tag),
      files,
    );
  const parts = files.filter(({ path }) => chosen.paths.includes(path));
  return { files: parts, gguf: chosen.paths[0] };
}

/** At the top: folders have other formats of the same model. */
function isSafetensors(path: string): boolean {
  return /^[^/]+\.safetensors$/.test(path) && !/^(adapter_model|consolidated)/.test(path);
}

function sideFiles(files: readonly RepoFile[]): readonly RepoFile[] {
  return files.filter(({ path, size }) => SIDE_FILE.test(path) && size <= MAX_SIDE_BYTES);
}

/** A name that would lead out of the folder is no slip: nothing of that repository is taken. */
function refuseOutside(repo: string, path: string): void {
  const isPlain = path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (isPlain && !/[\\\0]/.test(path)) return;
  throw new HubError(
    `${repo} has a file called ${JSON.stringify(path)}, which leads out of its folder: nothing of it is fetched`,
  );
}

function nothingToServe(
  name: HubName,
  tags: readonly string[],
  files: readonly RepoFile[],
): HubError {
  const { repo, tag } = name;
  if (tag !== undefined && tags.length > 0) {
    const shown = tags.slice(0, MAX_SHOWN).join(", ");
    return new HubError(
      `${repo} has no GGUF file ${tag}.${didYouMean(tag, tags)} There are: ${shown}`,
    );
  }
  const isPickled = files.some(({ path }) => /\.(bin|pt|pth|ckpt)$/.test(path));
  const why = isPickled
    ? "only pickled weights (.bin), which run code when they are read; look for a conversion to safetensors or GGUF"
    : "neither safetensors nor GGUF files";
  return new HubError(`${hubNameText(name)} cannot be served: it has ${why}`);
}
