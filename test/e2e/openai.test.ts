// The official client against the executable: a real model where there is one, and the mocked engine anywhere.

import { afterAll, beforeAll, describe, test } from "bun:test";

import { openaiClientSuite } from "../api/client.suite.ts";
import { hasTinyStories, type Server, startServer, tinyStories } from "./server.ts";

const SERVERS = [
  {
    name: "a real model (needs ../shared/data)",
    model: "tinystories-656k",
    skip: !hasTinyStories,
    args: ["--model", tinyStories, "--Frontend.max-body-mib=1"],
  },
  {
    name: "the mocked engine",
    model: "mock",
    skip: false,
    args: [
      ...["-f", "configs/mock.yaml", "--Frontend.max-body-mib=1"],
      ...["--VllmWorker.speedup-ratio=100", "--Common.max-model-len=512"],
    ],
  },
];

for (const { name, model, skip, args } of SERVERS) {
  if (skip) {
    test.skip(`the official client on ${name}`, () => {});
    continue;
  }
  describe(`the executable with ${name}`, () => {
    let server: Server;
    beforeAll(async () => {
      server = await startServer({ args: ["graphs.agg:Frontend", ...args] });
    });
    afterAll(() => server?.stop());

    openaiClientSuite(name, () => ({ baseURL: `${server.url}/v1`, model }));
  });
}
