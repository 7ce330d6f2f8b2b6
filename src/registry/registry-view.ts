import type { Mirror } from "./mirror.ts";
import type { KeyValue, Range, Revision, Watch, WatchOptions } from "./registry.ts";

/**
 * The cluster's registry as an instance sees it. Each call rejects with `actor_down` when the instance ends meanwhile.
 */
export interface RegistryView {
  get(key: string): Promise<KeyValue | undefined>;
  /** All keys with the prefix, as of one revision. */
  range(prefix: string): Promise<Range>;
  /**
   * The key vanishes with this instance.
   *
   * @throws {LeaseExpiredError} once the instance drains; {RegistryLimitError} for a value that is too long, or one key too many
   */
  put(key: string, value: string): Promise<Revision>;
  delete(key: string): Promise<Revision>;
  /** See `Watch` for its guarantees and its `CompactedError`. */
  watch(prefix: string, options?: WatchOptions): Watch;
  /** All keys with the prefix, then each change. Unlike a watch it goes on when its reader has fallen behind. */
  mirror(prefix: string): Mirror;
}
