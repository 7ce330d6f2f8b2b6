// How long a test waits for what must come. Only a hang reaches these limits: they are ten times what a quiet machine
// takes, and longer where the machine is slow or busy. test/ci.ts measures that once, and tells all that it runs.

/** 1 on a quiet machine of 2024; 4 on one that computes a quarter as fast. */
export const SLOWNESS = Math.max(1, Number(process.env["DYNAMO_TEST_SLOWNESS"] ?? 1));

/** `limit` of a quiet machine, on this one: milliseconds, or attempts of a loop that waits between them. */
export function hangLimit(limit: number): number {
  return Math.ceil(limit * SLOWNESS);
}
