import { DynamoError } from "../base/error.ts";

/** The revision asked for lies before what the store remembers. List the keys and watch from there. */
export class CompactedError extends DynamoError {
  override readonly code = "compacted";

  constructor(revision: number, compactedRevision: number) {
    super(
      `revision ${revision} is compacted: the oldest one known is ${compactedRevision}; read the range again and watch from its revision`,
      { revision, compactedRevision },
    );
  }
}

export class FutureRevisionError extends DynamoError {
  override readonly code = "future_revision";

  constructor(revision: number, currentRevision: number) {
    super(`revision ${revision} does not exist yet: the store is at ${currentRevision}`, {
      revision,
      currentRevision,
    });
  }
}

export class LeaseExpiredError extends DynamoError {
  override readonly code = "lease_expired";

  constructor(lease: number) {
    super(`lease ${lease} does not exist: it expired or was revoked; grant a new one`, { lease });
  }
}

export class LeaseExistsError extends DynamoError {
  override readonly code = "lease_exists";

  constructor(lease: number) {
    super(`lease ${lease} exists already; choose another id, or none`, { lease });
  }
}

/** One transaction writes a key twice; it has one revision, so it could not say in which order. */
export class DuplicateKeyError extends DynamoError {
  override readonly code = "duplicate_key";

  constructor(key: string) {
    super(`a transaction writes ${JSON.stringify(key)} twice; write it once`, { key });
  }
}

export class RegistryLimitError extends DynamoError {
  override readonly code = "registry_limit";
}
