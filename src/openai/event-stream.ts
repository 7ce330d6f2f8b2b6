// The body of a server-sent event stream, on a direct stream of Bun.
//
// Measured on Bun 1.4.5: writes of one turn of the event loop leave as one TCP write, `write` gives a
// promise once the socket takes no more (so at most one write waits in this process), and only a
// `pull` that throws cuts the connection of a client that has stopped reading.

import { afterAwake } from "../base/awake-timer.ts";
import type { Clock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";

/** Where the events go. Gives a promise when the client is behind: wait for it before the next. */
export interface EventSink {
  write(events: string): Promise<void> | undefined;
}

export interface EventStreamOptions {
  /** Writes all events, and returns at the end; a throw cuts the connection. */
  readonly pump: (sink: EventSink) => Promise<void>;
  readonly clock: Clock;
  /** How long a write may wait for the client, while this process runs. */
  readonly stallMs: number;
}

export function eventStream({ pump, clock, stallMs }: EventStreamOptions): ReadableStream {
  return new ReadableStream({
    type: "direct",
    async pull(controller: ReadableStreamDirectController) {
      await pump({
        write(events) {
          const written = controller.write(events);
          return typeof written === "number" ? undefined : inTime(written, clock, stallMs);
        },
      });
      controller.end();
    },
  });
}

/** The client has not read for too long: its stream was cut, and its work cancelled. */
export class SlowReaderError extends DynamoError {
  override readonly code = "slow_reader";
}

async function inTime(write: Promise<number>, clock: Clock, stallMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = afterAwake(clock, stallMs, () => {
    reject(new SlowReaderError(`the client has read nothing for ${stallMs} ms`));
  });
  try {
    await Promise.race([write, promise]);
  } finally {
    timer.cancel();
  }
}
