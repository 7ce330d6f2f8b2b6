// The names of contents: SHA-256 for large files, git's SHA-1 of a blob for small ones.

import { createHash, type Hash } from "node:crypto";

const SHA256_CHARS = 64;

/** A hash that gives `digest` when it has had all bytes of a file of `size`. */
export function hashFor(digest: string, size: number): Hash {
  if (digest.length === SHA256_CHARS) return createHash("sha256");
  return createHash("sha1").update(`blob ${size}\0`);
}
