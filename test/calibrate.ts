// How slow this machine is just now: a fixed piece of work, beside what it takes on a quiet machine of 2024.

/** Milliseconds of `work` there. */
const QUIET_MS = 130;
const ROUNDS = 5;

/** 1, or more where the machine is slower or busy. The slowest of some rounds counts: limits are for hangs. */
export function slowness(now: () => number = () => performance.now(), task = work): number {
  let longest = 0;
  task(); // compiles it
  for (let round = 0; round < ROUNDS; round++) {
    const begun = now();
    task();
    longest = Math.max(longest, now() - begun);
  }
  return Math.max(1, longest / QUIET_MS);
}

function work(): number {
  let state = 1;
  for (let i = 0; i < 100_000_000; i++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return state;
}
