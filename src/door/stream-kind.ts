// How a streamed answer is framed.

export interface StreamKind {
  readonly contentType: string;
  /** A piece that says nothing, wherever it stands between two others. */
  readonly heartbeat: string;
}

export const SERVER_SENT_EVENTS: StreamKind = {
  contentType: "text/event-stream",
  heartbeat: ":\n\n",
};

/** Blanks before a line's JSON are nothing to its reader; an empty line would be. */
export const JSON_LINES: StreamKind = { contentType: "application/x-ndjson", heartbeat: " " };
