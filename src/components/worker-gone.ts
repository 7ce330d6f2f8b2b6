import { errorCode } from "../base/error.ts";

/** Whether a call failed because its callee has ended or is about to: what has not begun may go elsewhere. */
export function isGone(error: unknown): boolean {
  return GONE.has(errorCode(error));
}

const GONE: ReadonlySet<string> = new Set(["actor_down", "actor_stopping", "server_shutdown"]);
