// A bound on how unevenly requests may lie, whatever the costs say: where all prompts share one beginning and decoding
// takes longer than their own few tokens, the worker that has it would get everything.

/**
 * The workers that may get one more request: not those that have both twice as many as the least busy one and
 * `limit` more than it. Never none.
 */
export function withoutOverloaded<W>(
  workers: readonly W[],
  numRequests: (worker: W) => number,
  limit: number,
): readonly W[] {
  const least = Math.min(...workers.map(numRequests));
  return workers.filter((worker) => {
    const more = numRequests(worker) - least;
    return more < limit || more < least;
  });
}
