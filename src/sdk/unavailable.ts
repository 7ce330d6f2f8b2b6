// How a call failed because its callee cannot take it, which says nothing against the call itself.

import { errorCode } from "../base/error.ts";

/**
 * True if a call failed because its callee, or an actor behind it, has ended or is about to. Work that has not begun may go to
 * another instance.
 *
 * @example
 * try { return await this.worker.at(instance).answer(); }
 * catch (error) { if (!isUnavailable(error)) throw error; }
 */
export function isUnavailable(error: unknown): boolean {
  return UNAVAILABLE.has(errorCode(error));
}

const UNAVAILABLE: ReadonlySet<string> = new Set([
  "actor_down",
  "actor_stopping",
  "server_shutdown",
]);
