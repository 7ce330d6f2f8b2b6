import { DynamoError } from "../base/error.ts";

/** A command line that makes no sense. The message names the argument and the cure. */
export class UsageError extends DynamoError {
  override readonly code = "usage";
}
