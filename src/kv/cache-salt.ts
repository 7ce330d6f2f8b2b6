// Salts of the prefix cache: prompts share blocks only with prompts of the same salt.

/** Whose a prompt is, and a name that its client gave its cache. Absent parts are shared by all that have none. */
export interface CacheScope {
  readonly owner?: string | undefined;
  readonly salt?: string | undefined;
}

/**
 * 64 bits of SHA-256; undefined where a prompt has neither owner nor salt. Clients choose salts, so none may find one
 * that gives another owner's.
 */
export function cacheSaltOf({ owner, salt }: CacheScope): bigint | undefined {
  if (owner === undefined && salt === undefined) return undefined;
  const digest = Bun.CryptoHasher.hash("sha256", JSON.stringify([owner ?? null, salt ?? null]));
  return new DataView(digest.buffer, digest.byteOffset).getBigUint64(0);
}
