// Server-sent events on their way to a client, which is cut when it stops reading.

import { afterAwake } from "../base/awake-timer.ts";
import type { Clock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import type { BodySink, Pump } from "../http/streaming-response.ts";

export interface EventStreamOptions {
  /** Writes all events, and returns at the end; a throw cuts the connection. */
  readonly pump: (sink: EventSink) => Promise<void>;
  readonly clock: Clock;
  /** How long a write may wait for the client, while this process runs. */
  readonly stallMs: number;
}

/** Takes the events. Gives a promise when the client is behind: wait for it before the next. */
export interface EventSink {
  write(events: string): Promise<void> | undefined;
}

export function eventStream({ pump, clock, stallMs }: EventStreamOptions): Pump {
  return (body: BodySink) =>
    pump({
      write(events) {
        const written = body.write(events);
        return written && inTime(written, clock, stallMs);
      },
    });
}

/** The client has not read for too long: its stream was cut, and its work cancelled. */
export class SlowReaderError extends DynamoError {
  override readonly code = "slow_reader";
}

async function inTime(write: Promise<unknown>, clock: Clock, stallMs: number): Promise<void> {
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
