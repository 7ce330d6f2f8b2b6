// A client on a bare socket: it can read nothing, hang up at any moment, and count what arrives.

import { hangLimit } from "../time-limits.ts";

export interface RawClient {
  /** Everything that has arrived. */
  text(): string;
  /** How many reads it came in. */
  numReads(): number;
  /** Resolves when the server, or this client, has closed. */
  readonly closed: Promise<void>;
  readonly localPort: number;
  pause(): void;
  resume(): void;
  /** Hangs up. */
  end(): void;
}

export async function rawClient(port: number, request: string): Promise<RawClient> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  let text = "";
  let numReads = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, data) {
        text += decoder.decode(data, { stream: true });
        numReads++;
      },
      close: () => resolve(),
      error: () => resolve(),
    },
  });
  socket.write(request);
  return {
    text: () => text,
    numReads: () => numReads,
    closed,
    localPort: socket.localPort,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.terminate(),
  };
}

export function postText(path: string, body: object): string {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  return `POST /v1/${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n${text}`;
}

/** Waits for `condition`, which something outside this process's control makes true. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + hangLimit(30_000);
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await Bun.sleep(2);
  }
}
