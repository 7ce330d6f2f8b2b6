import { DynamoError } from "../base/error.ts";

/** A command line that makes no sense. The message names the argument and the cure. */
export class UsageError extends DynamoError {
  override readonly code = "usage";
}

/** Several mistakes that were found before anything started; each is told on its own. */
export class SeveralErrors extends DynamoError {
  override readonly code = "usage";
  readonly errors: readonly DynamoError[];

  constructor(errors: readonly DynamoError[]) {
    super(errors.map(({ message }) => message).join("\n\n"));
    this.errors = errors;
  }
}

/** Throws what was found, if anything was. */
export function throwAll(errors: readonly DynamoError[]): void {
  const [only] = errors;
  if (only) throw errors.length === 1 ? only : new SeveralErrors(errors);
}
