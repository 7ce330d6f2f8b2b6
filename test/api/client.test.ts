// The official client against the app on a real port, with a made-up model behind it.

import { afterAll, beforeAll } from "bun:test";
import { createApp } from "../../src/api/app.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { type HttpServer, listen } from "../../src/http/listen.ts";
import { openaiClientSuite } from "./client.suite.ts";
import { FAKE_MODEL, FakeBackend } from "./fake-backend.ts";

let server: HttpServer;

beforeAll(() => {
  const app = createApp(new FakeBackend(), {
    clock: systemClock,
    log: createLogger("test", "error"),
  });
  server = listen(app, { host: "127.0.0.1", port: 0, clock: systemClock });
});

afterAll(() => server.stop(1000));

openaiClientSuite("the openai client and a made-up model", () => ({
  baseURL: `${server.url}v1`,
  model: FAKE_MODEL,
}));
