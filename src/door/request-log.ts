// One line of the log a request, when its answer has ended. Nothing that a client wrote is in it but method and path.

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { pathOf } from "../http/router.ts";
import { StreamingResponse } from "../http/streaming-response.ts";
import type { Exchange } from "./exchange.ts";

/** Paths that clients ask for again and again; a line each would hide the others. */
const PROBES: ReadonlySet<string> = new Set(["/health", "/live", "/metrics", "/ping"]);
const MAX_SHOWN_PATH = 100;

export async function withLogLine(
  exchange: Exchange,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  answer: () => Promise<Response>,
): Promise<Response> {
  const startedAt = clock.now();
  const { method, url, signal } = exchange.request;
  const path = pathOf(url);
  const response = await answer();
  const write = () => {
    const say = PROBES.has(path) ? log.debug : log.info;
    say("request", {
      method,
      path: path.slice(0, MAX_SHOWN_PATH),
      status: response.status,
      ...exchange.facts,
      client: signal.aborted ? "gone" : undefined,
      ms: Math.round(clock.now() - startedAt),
      request: exchange.requestId,
    });
  };
  if (response instanceof StreamingResponse && method !== "HEAD") exchange.whenStreamed(write);
  else write();
  return response;
}
