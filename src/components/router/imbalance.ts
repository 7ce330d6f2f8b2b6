// A bound on how unevenly requests may lie, whatever the costs say: where all prompts share one beginning and decoding
// takes longer than their own few tokens, the worker that has it would get everything.

/** Workers are used for what they hold, so some have more to do than others: this many times as much is no fault. */
const TOLERATED_RATIO = 4;

/**
 * The workers that may get one more request: not those that have both `limit` more than the least busy one and four
 * times as many. Never none.
 */
export function withoutOverloaded<W>(
  workers: readonly W[],
  numRequests: (worker: W) => number,
  limit: number,
): readonly W[] {
  const least = Math.min(...workers.map(numRequests));
  return workers.filter((worker) => {
    const count = numRequests(worker);
    return count - least < limit || count < TOLERATED_RATIO * least;
  });
}
