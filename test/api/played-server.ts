// The app on a real port, over a backend that plays answers.

import { createApp } from "../../src/api/app.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { listen } from "../../src/http/listen.ts";
import { seededRandom } from "../seeded-random.ts";
import { PlayedBackend } from "./played-backend.ts";

export interface PlayedServer {
  readonly backend: PlayedBackend;
  /** Without a slash at its end. */
  readonly url: string;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  stop(): Promise<void>;
}

export function playedServer(seed = 1): PlayedServer {
  const backend = new PlayedBackend(seededRandom(seed));
  const app = createApp(backend, { clock: systemClock, log: createLogger("test", "error") });
  const server = listen(app, { host: "127.0.0.1", port: 0, clock: systemClock });
  const url = `${server.url}`.replace(/\/$/, "");
  return {
    backend,
    url,
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        headers: { "content-type": "application/json", ...headers },
      }),
    stop: async () => {
      await server.stop(1000);
    },
  };
}
