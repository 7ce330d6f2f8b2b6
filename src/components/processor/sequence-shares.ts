// How many sequences each tenant may have in flight: together at most half of the shared places that are free. So one
// tenant alone gets a third. As many places again are for the only sequence of a tenant that has no other, so greedy
// tenants that hold all shared places still refuse no small newcomer.
//
// Dynamic Thresholds (Choudhury and Hahne, IEEE/ACM Transactions on Networking 1998) with alpha = 1/2.

import { assert } from "../../base/assert.ts";
import { DynamoError } from "../../base/error.ts";

/** Shared places of all processors of a deployment, or of a worker that serves chats itself. */
export const SHARED_PLACES = 4096;
/** With those of newcomers. An engine takes as many beside those that run, so no routing finds a worker full. */
export const MAX_SEQUENCES = 2 * SHARED_PLACES;
/** A processor's least part of the shared ones: an idle one can take a request with as many choices as the API allows, 256. */
const MIN_SHARED = 512;

export function sharedPlacesOf(numProcessors: number): number {
  return Math.max(MIN_SHARED, Math.floor(SHARED_PLACES / numProcessors));
}

/** The places of one request. */
export interface Places {
  /** One of its sequences has ended. */
  release(): void;
  /** All have ended, or none was begun. Idempotent. */
  releaseAll(): void;
}

export class SequenceShares {
  readonly #numShared: number;
  readonly #held = new Map<number, number>();
  #numHeld = 0;

  constructor(numShared: number) {
    this.#numShared = numShared;
  }

  get numHeld(): number {
    return this.#numHeld;
  }

  heldBy(tenant: number): number {
    return this.#held.get(tenant) ?? 0;
  }

  /**
   * All places of a request, or none.
   *
   * @throws {TooManySequencesError}
   */
  take(tenant: number, numSequences: number): Places {
    const numInFlight = this.heldBy(tenant);
    const limit = Math.floor(Math.max(0, this.#numShared - this.#numHeld) / 2);
    const isFirst = numInFlight === 0 && numSequences === 1;
    const isTaken = isFirst
      ? this.#numHeld < 2 * this.#numShared
      : numInFlight + numSequences <= limit;
    if (!isTaken) {
      throw new TooManySequencesError({ numSequences, numInFlight, limit });
    }
    this.#add(tenant, numSequences);
    let numLeft = numSequences;
    return {
      release: () => {
        assert(numLeft > 0, "a request has a place for each of its sequences");
        numLeft--;
        this.#add(tenant, -1);
      },
      releaseAll: () => {
        this.#add(tenant, -numLeft);
        numLeft = 0;
      },
    };
  }

  #add(tenant: number, count: number): void {
    const numHeld = this.heldBy(tenant) + count;
    if (numHeld === 0) this.#held.delete(tenant);
    else this.#held.set(tenant, numHeld);
    this.#numHeld += count;
    assert(this.#numHeld >= 0 && this.#numHeld <= 2 * this.#numShared, "a place is held once");
  }
}

interface Counts {
  readonly numSequences: number;
  readonly numInFlight: number;
  readonly limit: number;
}

/** A tenant asks for more than half of what is free. Clients get 429. */
export class TooManySequencesError extends DynamoError {
  override readonly code = "too_many_sequences";

  constructor({ numSequences, numInFlight, limit }: Counts) {
    super(
      `This request asks for ${numSequences} sequences (choices times prompts), and its client has ${numInFlight} in ` +
        `flight. Together they may be ${limit} now, half of the places that are free. Try again when answers of this ` +
        "client have ended, or ask for fewer choices.",
      { num_sequences: numSequences, num_in_flight: numInFlight, limit },
    );
  }
}
