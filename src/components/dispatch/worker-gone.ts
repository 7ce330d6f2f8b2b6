// How a call failed because of its callee's end, which says nothing against the call itself.

import { type ActorEnding, actorEnding, RemoteError } from "dynamo";

import { errorCode } from "../../base/error.ts";

/** True if a call failed because its callee has ended or is about to: what has not begun may go elsewhere. */
export function isGone(error: unknown): boolean {
  return GONE.has(errorCode(error));
}

const GONE: ReadonlySet<string> = new Set(["actor_down", "actor_stopping", "server_shutdown"]);

/** How the callee ended while the call was at it; undefined for all else, as an end that the callee was told of. */
export function endingOfCallee(error: unknown): ActorEnding | undefined {
  return error instanceof RemoteError ? undefined : actorEnding(error);
}
