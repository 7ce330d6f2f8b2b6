// Errors that a caller may get instead of an answer. Codes are stable: doors turn them into statuses.

import { DynamoError } from "../base/error.ts";

/**
 * How an actor ended, as its callers are told: by its own failure; because it hung and the supervisor killed it; or
 * because it was told to, by the supervisor, an operator or a test. An ordered end is no fault of what it worked on.
 */
export type ActorEnding = "failed" | "hung" | "ordered";

/** The callee is unknown, has ended, or ended while it worked on the call. `details.ended` is its `ActorEnding`. */
export class ActorDownError extends DynamoError {
  override readonly code = "actor_down";

  /** `ended` is undefined where the callee was gone before the call could reach it. */
  constructor(message: string, ended?: ActorEnding) {
    super(message, ended === undefined ? {} : { ended });
  }
}

/** How the callee ended of which `error` tells, however many actors have passed the error on; undefined for others. */
export function actorEnding(error: unknown): ActorEnding | undefined {
  if (!(error instanceof DynamoError) || error.code !== "actor_down") return undefined;
  const { ended } = error.details;
  return ENDINGS.find((ending) => ending === ended);
}

const ENDINGS: readonly ActorEnding[] = ["failed", "hung", "ordered"];

/** The callee works on as many calls as it may, or the link to it is full. Try again later. */
export class MailboxFullError extends DynamoError {
  override readonly code = "mailbox_full";
}

/** The callee drains: it ends what it has begun and accepts nothing new. */
export class ActorStoppingError extends DynamoError {
  override readonly code = "actor_stopping";
}

/** The callee has no endpoint of this name. */
export class NoSuchEndpointError extends DynamoError {
  override readonly code = "no_such_endpoint";
}

/** A stream was awaited, or a plain answer was iterated. */
export class WrongReplyError extends DynamoError {
  override readonly code = "wrong_reply";
}

/** The message is larger than what a link can carry. */
export class MessageTooLargeError extends DynamoError {
  override readonly code = "message_too_large";
}
