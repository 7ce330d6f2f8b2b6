// What a caller may get instead of an answer. Codes are stable: doors turn them into statuses.

import { DynamoError } from "../base/error.ts";

/** The callee is unknown, has ended, or ended while it worked on the call. */
export class ActorDownError extends DynamoError {
  override readonly code = "actor_down";
}

/** The callee works on as many calls as it may, or the lane to it is full. Try again later. */
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

/** The message is larger than what a lane can carry. */
export class MessageTooLargeError extends DynamoError {
  override readonly code = "message_too_large";
}
