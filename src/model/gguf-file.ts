// A model in the GGUF format: one file, or several of which the first has the metadata.

import { basename, dirname, join } from "node:path";
import { showFound } from "../base/describe-issue.ts";
import { type GgufHeader, readGgufHeader } from "./gguf-header.ts";
import type { JsonObject } from "./json-object.ts";
import { ModelError, type StoredTensor } from "./model-files.ts";
import { partName } from "./model-path.ts";
import { whole } from "./value-schemas.ts";

export interface GgufFile {
  readonly path: string;
  readonly metadata: JsonObject;
  readonly lists: GgufHeader["lists"];
  /** By the names that they have in the file, from all parts. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

// As the index of a safetensors model; see safetensors.ts.
const MAX_PARTS = 10_000;

/** Reads the headers of the GGUF file at `path` and of the parts that belong to it. */
export async function readGguf(path: string): Promise<GgufFile> {
  const first = await readGgufHeader(path);
  const { metadata, lists } = first;
  const numParts = metadata.read("split.count", whole({ min: 0, max: MAX_PARTS })) ?? 1;
  const tensors = new Map<string, StoredTensor>();
  addTensors(tensors, first);
  if (numParts > 1) {
    checkPart(first, path, 0);
    for (let index = 1; index < numParts; index++) {
      const next = partPath(path, index, numParts);
      const part = await readGgufHeader(next);
      checkPart(part, next, index);
      addTensors(tensors, part);
    }
    checkCount(metadata, tensors.size);
  }
  return { path, metadata, lists, tensors };
}

function addTensors(tensors: Map<string, StoredTensor>, header: GgufHeader): void {
  for (const tensor of header.tensors) {
    const other = tensors.get(tensor.name);
    if (other !== undefined) {
      throw new ModelError(
        `tensor ${showFound(tensor.name)} is in both ${other.path} and ${tensor.path}`,
      );
    }
    tensors.set(tensor.name, tensor);
  }
}

function partPath(path: string, index: number, numParts: number): string {
  const name = partName(basename(path), index);
  if (name !== undefined) return join(dirname(path), name);
  throw new ModelError(
    `${path} is the first of ${numParts} parts, which are found by their names: ` +
      "NAME-00001-of-00003.gguf and so on. Give them the names that they had",
  );
}

function checkPart({ metadata }: GgufHeader, path: string, index: number): void {
  const found = metadata.read("split.no", whole({ min: 0, max: MAX_PARTS }));
  if (found === index) return;
  if (found === undefined) throw metadata.missing("split.no");
  const first = partName(basename(path), 0);
  const cure = index === 0 && first !== undefined ? `; give ${first}` : "";
  throw new ModelError(
    `${path} is part ${found + 1} of a model, where part ${index + 1} is expected${cure}`,
  );
}

function checkCount(metadata: JsonObject, numTensors: number): void {
  const expected = metadata.read("split.tensors.count", whole({ min: 0, max: 2 ** 31 }));
  if (expected === undefined || expected === numTensors) return;
  throw new ModelError(
    `${metadata.place}: the parts have ${numTensors} tensors of ${expected}; download them again`,
  );
}
