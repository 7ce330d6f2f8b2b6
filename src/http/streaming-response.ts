// An answer that is written piece by piece. The door calls `pump`; for other readers, as tests are, the body is a
// stream like any other.

/** Takes the pieces. Gives a promise when the client is behind: wait for it before the next. */
export interface BodySink {
  write(text: string): Promise<unknown> | undefined;
}

/**
 * Writes all pieces, and returns at the end. A throw cuts the connection; the pump logs its reason. It is not called
 * for HEAD, so a resource that only the pump frees must not be taken before.
 */
export type Pump = (sink: BodySink) => Promise<void>;

export class StreamingResponse extends Response {
  readonly pump: Pump;
  /** A piece that says nothing, to find out whether a half-closed client is still there. */
  readonly heartbeat: string;

  constructor(pump: Pump, options: ResponseInit & { readonly heartbeat: string }) {
    super(streamOf(pump), options);
    this.pump = pump;
    this.heartbeat = options.heartbeat;
  }
}

function streamOf(pump: Pump): ReadableStream {
  return new ReadableStream({
    type: "direct",
    async pull(controller: ReadableStreamDirectController) {
      await pump({
        write(text) {
          const written = controller.write(text);
          return typeof written === "number" ? undefined : written;
        },
      });
      controller.end();
    },
  });
}
