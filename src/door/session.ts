// The conversation that a request belongs to, as headers name it: a hint to the router, and to nothing else.

import type { GenerationRequest } from "../protocol/chat.ts";

/** Dynamo's name, then Codex's two, then Claude Code's; the first that is there counts. */
const SESSION_HEADERS = [
  "x-dynamo-session-id",
  "session_id",
  "session-id",
  "x-claude-code-session-id",
] as const;

/** A header goes before a field of the body. */
export function inSession<Request extends GenerationRequest>(
  request: Request,
  headers: Pick<Headers, "get">,
): Request {
  for (const name of SESSION_HEADERS) {
    const sessionId = headers.get(name);
    if (sessionId) return { ...request, sessionId };
  }
  return request;
}
