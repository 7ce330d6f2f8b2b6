import { DynamoError, errorCode } from "../base/error.ts";

/** An expected failure is its message; anything else is a bug, and its stack says where. */
export function describeError(error: unknown): string {
  if (!(error instanceof DynamoError)) return `unexpected failure: ${stackOf(error)}`;
  const { cause, message } = error;
  const isBug = cause instanceof Error && errorCode(cause) === "internal";
  return isBug ? message.replace(cause.message, () => stackOf(cause)) : message;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
