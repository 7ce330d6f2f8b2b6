// A configuration may tie the head to the embedding while the files have a head of their own. As transformers 5 and
// llama.cpp do, the files are believed: a head that differs is used.

import { readRange } from "./file-bytes.ts";
import type { ModelConfig } from "./model-files.ts";
import type { StoredTensor } from "./stored-tensor.ts";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";
/** A head in 4 bits has this tensor in place of `HEAD`. */
const QUANTIZED_HEAD = "lm_head.qweight";

const PIECE_BYTES = 8 << 20;

/** The configuration as the files have it: tied only where both matrices are one. Reads both where both are stored. */
export async function resolveTiedHead(
  config: ModelConfig,
  stored: ReadonlyMap<string, StoredTensor>,
): Promise<ModelConfig> {
  if (!config.tieWordEmbeddings) return config;
  const [embedding, head] = [stored.get(EMBEDDING), stored.get(HEAD)];
  const differs =
    stored.has(QUANTIZED_HEAD) ||
    (embedding !== undefined && head !== undefined && !(await haveEqualBytes(embedding, head)));
  return differs ? { ...config, tieWordEmbeddings: false } : config;
}

/** Names in the files of a tied model's second copy. */
export function tiedCopies(config: ModelConfig): readonly string[] {
  return config.tieWordEmbeddings ? [HEAD] : [];
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
