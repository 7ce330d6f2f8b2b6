// Models that are on this machine already, by name: in the cache of Hugging Face's tools, and where LM Studio and ollama
// keep theirs.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import * as v from "valibot";

import type { HubCache } from "./cache.ts";
import { chooseVariant, ggufVariants } from "./gguf-names.ts";
import type { HubName } from "./model-name.ts";

export interface FoundModel {
  /** A folder, or a GGUF file. */
  readonly path: string;
  /** Who keeps it. */
  readonly keeper: "Hugging Face" | "LM Studio" | "ollama";
}

/** In the cache, with all that it takes to open it; undefined if it has to be pulled. */
export async function findInCache(cache: HubCache, name: HubName): Promise<FoundModel | undefined> {
  const commit = await cache.commitOf(name.repo, name.revision);
  const snapshot = commit === undefined ? undefined : await cache.snapshotOf(name.repo, commit);
  if (!snapshot) return undefined;
  const paths = snapshot.files.map(({ path }) => path);
  const hasWeights = paths.some((path) => /^[^/]+\.safetensors$/.test(path));
  if (name.tag === undefined && hasWeights) {
    const isWhole = paths.includes("config.json") && (await hasAllParts(snapshot.path, paths));
    return isWhole ? { path: snapshot.path, keeper: "Hugging Face" } : undefined;
  }
  const [first] = chooseVariant(ggufVariants(paths), name.tag)?.paths ?? [];
  return first === undefined
    ? undefined
    : { path: join(snapshot.path, first), keeper: "Hugging Face" };
}

const index = v.object({ weight_map: v.record(v.string(), v.string()) });

/** A pull that was ended has some of the files that the index names. */
async function hasAllParts(folder: string, paths: readonly string[]): Promise<boolean> {
  if (!paths.includes("model.safetensors.index.json")) return true;
  const text = await readFile(join(folder, "model.safetensors.index.json"), "utf8");
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), index), text);
  if (!parsed.success) return true; // opening it tells what is wrong
  return Object.values(parsed.output.weight_map).every((path) => paths.includes(path));
}

/** `folders`: of models of LM Studio, which has them as ORG/REPO/FILE. */
export async function findInLMStudio(
  folders: readonly string[],
  { repo, revision, tag }: HubName,
): Promise<FoundModel | undefined> {
  if (revision !== "main") return undefined;
  for (const folder of folders) {
    const names = await namesIn(join(folder, repo));
    const [first] = chooseVariant(ggufVariants(names), tag)?.paths ?? [];
    if (first !== undefined) return { path: join(folder, repo, first), keeper: "LM Studio" };
  }
  return undefined;
}

const manifest = v.object({
  layers: v.array(v.object({ mediaType: v.string(), digest: v.string() })),
});
const OLLAMA_NAME = /^([a-z0-9][\w.-]*)(?::([\w][\w.-]*))?$/i;
const WEIGHTS = "application/vnd.ollama.image.model";

/** `name` as `qwen3:0.6b`; without a tag it is `latest`. */
export async function findInOllama(folder: string, name: string): Promise<FoundModel | undefined> {
  const [, model, tag = "latest"] = OLLAMA_NAME.exec(name) ?? [];
  if (model === undefined) return undefined;
  const place = join(folder, "manifests/registry.ollama.ai/library", model, tag);
  const text = await readFile(place, "utf8").catch(() => undefined);
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), manifest), text);
  const digest = parsed.success
    ? parsed.output.layers.find(({ mediaType }) => mediaType === WEIGHTS)?.digest
    : undefined;
  if (digest === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  return { path: join(folder, "blobs", digest.replace(":", "-")), keeper: "ollama" };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
