// All tensors of a model directory, from one file or from shards with an index.

import { join } from "node:path";
import { showFound } from "../base/describe-issue.ts";
import { type JsonObject, readJsonObject } from "./json-object.ts";
import { ModelError, ModelNotFoundError, type StoredTensor } from "./model-files.ts";
import { listFiles, pathInDirectory } from "./model-path.ts";
import { readSafetensorsHeader } from "./safetensors-header.ts";
import { TEXT } from "./value-schemas.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

// The largest model on the hub has a few hundred.
const MAX_SHARDS = 10_000;

/** Reads the headers of the directory's safetensors files; tensors by name. */
export async function readSafetensors(
  directory: string,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const index = await readJsonObject(join(directory, INDEX));
  const tensors = new Map<string, StoredTensor>();
  for (const path of await shardPaths(directory, index)) {
    for (const tensor of await readSafetensorsHeader(path)) {
      const other = tensors.get(tensor.name);
      if (other !== undefined) {
        throw new ModelError(
          `tensor ${showFound(tensor.name)} is in both ${other.path} and ${path}`,
        );
      }
      tensors.set(tensor.name, tensor);
    }
  }
  if (index !== undefined) checkIndex(directory, index, tensors);
  return tensors;
}

async function shardPaths(
  directory: string,
  index: JsonObject | undefined,
): Promise<readonly string[]> {
  if (index === undefined) {
    if ((await listFiles(directory, [SINGLE])).includes(SINGLE)) return [join(directory, SINGLE)];
    throw await noWeights(directory);
  }
  const names = new Set(shardNames(index).map(([, shard]) => shard));
  if (names.size > MAX_SHARDS) {
    throw new ModelError(`${index.place} names ${names.size} files; at most ${MAX_SHARDS}`);
  }
  return [...names].sort().map((name) => pathInDirectory(directory, name, index.place));
}

/** The index's pairs of tensor and file name. */
function shardNames(index: JsonObject): readonly (readonly [tensor: string, shard: string])[] {
  const map = index.object("weight_map");
  if (map === undefined) throw index.missing("weight_map");
  return map.keys().map((tensor) => {
    const shard = map.read(tensor, TEXT);
    if (shard?.endsWith(".safetensors")) return [tensor, shard];
    throw new ModelError(
      `${map.place}: ${tensor} is in ${showFound(shard)}, not in a .safetensors file`,
    );
  });
}

function checkIndex(
  directory: string,
  index: JsonObject,
  tensors: ReadonlyMap<string, StoredTensor>,
): void {
  for (const [tensor, shard] of shardNames(index)) {
    if (tensors.get(tensor)?.path !== join(directory, shard)) {
      throw new ModelError(
        `${index.place} says that tensor ${showFound(tensor)} is in ${shard}, which does not have it; ` +
          "download index and files again",
      );
    }
  }
}

async function noWeights(directory: string): Promise<ModelError> {
  const [pickle] = await listFiles(directory, [".bin", ".pt", ".pth"]);
  if (pickle !== undefined) {
    return new ModelError(
      `${directory} has its weights in ${pickle} only. That is a pickle, which can run code when it ` +
        "is loaded, and is never read; convert it once: " +
        `AutoModelForCausalLM.from_pretrained("${directory}").save_pretrained("${directory}", safe_serialization=True)`,
    );
  }
  const [other] = await listFiles(directory, [".safetensors"]);
  const found = other === undefined ? "" : `; ${other} is there, but no ${INDEX} that names it`;
  return new ModelNotFoundError(`${directory} has no ${SINGLE} and no ${INDEX}${found}`);
}
