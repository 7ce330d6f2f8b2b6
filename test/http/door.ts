// The real server before streams that a test moves by hand.

import { afterEach } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { type HttpServer, type ListenOptions, listen } from "../../src/http/listen.ts";
import { type Harness, harness } from "../api/harness.ts";

const servers: HttpServer[] = [];

export interface Door extends Harness {
  readonly port: number;
  readonly server: HttpServer;
}

export function openDoor(
  app: Parameters<typeof harness>[0] = {},
  options: Partial<ListenOptions> = {},
): Door {
  const parts = harness(app);
  const server = listen(parts.app, { host: "127.0.0.1", port: 0, clock: systemClock, ...options });
  servers.push(server);
  return { ...parts, port: server.port, server };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(0)));
});
