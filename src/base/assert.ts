/** States what must hold. A failure is a bug in this program, never bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends an exhaustive `switch`: a new member of the union becomes a compile error here. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * True if tables check their whole integrity after each step (`DYNAMO_VERIFY=1`; on in all tests).
 * The one variable of the environment that is read outside `cli`, since it is for this code's developers.
 */
export const verifying = process.env["DYNAMO_VERIFY"] === "1";
