// API keys in memory: digests and names, never the keys.

/** Bounds of what all keys of a name may use together. */
export interface KeyLimits {
  /** Sequences (choices times prompts) at once. */
  readonly maxSequences?: number;
  /** Tokens of prompts and outputs, in any minute. */
  readonly tokensPerMinute?: number;
}

/** A client with limits. */
export interface LimitedClient {
  readonly name: string;
  readonly limits: KeyLimits;
}

export interface ApiKey {
  readonly name: string;
  /** Absent where there are none. */
  readonly limits?: KeyLimits;
  /** `admin` may use the operator's routes from any machine. */
  readonly scope: "client" | "admin";
  /** SHA-256 of the key, 32 bytes. */
  readonly digest: Uint8Array;
  /** So short that it can be guessed. */
  readonly isShort: boolean;
}

export function digestOf(key: string): Uint8Array {
  return Bun.CryptoHasher.hash("sha256", key);
}

/**
 * The key that `presented` is. The time does not depend on how much of a key was right, nor on which key it is:
 * digests are compared, and always with all of them.
 */
export function findKey(keys: readonly ApiKey[], presented: string): ApiKey | undefined {
  const digest = digestOf(presented);
  let found: ApiKey | undefined;
  for (const key of keys) if (crypto.timingSafeEqual(digest, key.digest)) found = key;
  return found;
}

/**
 * The number under which the scheduler shares out between clients: the same for all keys of a name, in every
 * instance and after every start. From 2^31 up; connections are numbered below.
 */
export function tenantOf({ name }: ApiKey): number {
  return 2 ** 31 + Number(BigInt.asUintN(31, Bun.hash.xxHash3(name)));
}
