// The app on a port.
//
// Bun closes a connection that is silent for `idleTimeout`, also one that waits for its first token.
// So the app holds a connection while an answer is on its way, and the timeout is for the rest:
// headers and bodies that do not arrive, and connections kept open for nothing.

import type { Clock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import type { OpenAIApp } from "./app.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  readonly clock: Clock;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /**
   * Takes no more requests and closes idle connections; answers in flight get `graceMs` to end, then
   * end with what they have. A client that does not take even that is cut.
   */
  stop(graceMs: number): Promise<void>;
}

const LOOPBACK = /^(::ffff:)?127\.|^::1$/;
const IDLE_TIMEOUT_S = 30;
/** For the last chunk of answers that were ended before their time. */
const LAST_WORDS_MS = 500;

export function listen(app: OpenAIApp, { host, port, clock }: ListenOptions): HttpServer {
  const server = bind(host, port, (request, connection) => app.fetch(request, connection));
  return {
    port: server.port ?? port,
    url: server.url.href,
    async stop(graceMs) {
      const ended = server.stop();
      if (await endsWithin(ended, graceMs, clock)) return;
      app.endAnswers();
      if (await endsWithin(ended, LAST_WORDS_MS, clock)) return;
      await server.stop(true);
    },
  };
}

function bind(host: string, port: number, fetch: OpenAIApp["fetch"]) {
  try {
    return Bun.serve({
      hostname: host,
      port,
      development: false,
      reusePort: false, // Bun turns it on outside of development: a second server would share the port unseen
      idleTimeout: IDLE_TIMEOUT_S,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app has its own limit, and words for it
      fetch: (request, server) => {
        const { address = "", port: clientPort = 0 } = server.requestIP(request) ?? {};
        return fetch(request, {
          number: Bun.hash.crc32(`${address} ${clientPort}`),
          isLocal: LOOPBACK.test(address),
          hold: () => server.timeout(request, 0),
          release: () => server.timeout(request, IDLE_TIMEOUT_S),
        });
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CannotListenError(
      `cannot listen on ${host}:${port} (${reason}); choose another with --port, or end what holds this one`,
      { host, port },
    );
  }
}

async function endsWithin(ended: Promise<void>, ms: number, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = clock.after(ms, () => resolve(false));
  const isInTime = await Promise.race([ended.then(() => true), promise]);
  timer.cancel();
  return isInTime;
}

/** The address is taken, unknown, or not ours to use. */
class CannotListenError extends DynamoError {
  override readonly code = "cannot_listen";
}
