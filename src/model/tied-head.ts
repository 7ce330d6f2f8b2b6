// A configuration may tie the head to the embedding while the files have a head of their own. As transformers 5 and
// llama.cpp do, the files are believed: a head that differs is used.

import { tensorName } from "./families/family.ts";
import { familyOf } from "./families.ts";
import { readRange } from "./file-bytes.ts";
import type { ModelConfig, StoredTensor } from "./model-files.ts";

const PIECE_BYTES = 8 << 20;

/** The configuration as the files have it: tied only where both matrices are one. Reads both where both are stored. */
export async function resolveTiedHead(
  config: ModelConfig,
  stored: ReadonlyMap<string, StoredTensor>,
): Promise<ModelConfig> {
  if (!config.tieWordEmbeddings) return config;
  const names = namesIn(config);
  const [embedding, head] = [stored.get(names.embedding), stored.get(names.head)];
  const differs =
    stored.has(names.quantizedHead) ||
    (embedding !== undefined && head !== undefined && !(await haveEqualBytes(embedding, head)));
  return differs ? { ...config, tieWordEmbeddings: false } : config;
}

/** Names in the files of a tied model's second copy. */
export function tiedCopies(config: ModelConfig): readonly string[] {
  return config.tieWordEmbeddings ? [namesIn(config).head] : [];
}

/** A head in 4 bits has the tensor `quantizedHead` in place of `head`. */
function namesIn(config: ModelConfig) {
  const family = familyOf(config);
  const embedding = tensorName(family, "embedding", "huggingFace");
  const head = tensorName(family, "head", "huggingFace");
  return { embedding, head, quantizedHead: head.replace(/weight$/, "qweight") };
}

async function haveEqualBytes(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  if (a.dtype !== b.dtype || a.numBytes !== b.numBytes) return false;
  for (let at = 0; at < a.numBytes; at += PIECE_BYTES) {
    const numBytes = Math.min(PIECE_BYTES, a.numBytes - at);
    const piece = ({ path, offset }: StoredTensor) =>
      readRange({ path, offset: offset + at, numBytes });
    const [left, right] = await Promise.all([piece(a), piece(b)]);
    if (!Buffer.from(left.buffer).equals(right)) return false;
  }
  return true;
}
