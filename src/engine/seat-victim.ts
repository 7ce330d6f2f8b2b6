// Chooses the sequence that gives its seat and its blocks to one that waits for them: pure policy.

import type { Sequence } from "./sequence.ts";
import type { TenantQueue } from "./tenant-queue.ts";

/** Output tokens of a turn before a sequence that never ran may take the seat: it waits for its first token. */
const FIRST_TURN = 16;
/** The same before one that ran already may. So sequences beyond the seats are seldom computed again. */
const NEXT_TURN = 128;

export type SeatVictim =
  | {
      readonly type: "running";
      readonly sequence: Sequence;
      /** Its tenant had many seats, or it had its turn. */
      readonly by: "share" | "turn";
    }
  /** All that this tenant has is computed elsewhere. */
  | { readonly type: "remote"; readonly tenant: number };

/**
 * The youngest of the tenant that holds most seats, if that is at least twice what `first` would have. Else, if the
 * tenant of `first` has none, the youngest that had its turn of the tenant that was served most. `running` is by admission.
 */
export function seatVictim(
  first: Sequence,
  running: readonly Sequence[],
  tenants: TenantQueue,
): SeatVictim | undefined {
  const debtor = tenants.debtorOf(first);
  if (debtor === undefined) {
    const sequence = mostServed(first, running, tenants);
    return sequence && { type: "running", sequence, by: "turn" };
  }
  const sequence = running.findLast(({ tenant }) => tenant === debtor);
  return sequence ? { type: "running", sequence, by: "share" } : { type: "remote", tenant: debtor };
}

function mostServed(
  first: Sequence,
  running: readonly Sequence[],
  tenants: TenantQueue,
): Sequence | undefined {
  const turn = first.admittedAt === undefined ? FIRST_TURN : NEXT_TURN;
  let most: Sequence | undefined;
  for (const sequence of running) {
    const hadTurn = sequence.numTokens >= sequence.turnStartsAt + turn;
    if (!hadTurn || !tenants.isBehind(first, sequence)) continue;
    if (most === undefined || tenants.compare(sequence, most) >= 0) most = sequence;
  }
  return most;
}
