// Mutated bodies on all routes that take one: each is answered with 2xx, or 4xx that names a field.
//
//   FUZZ_REQUESTS=5000 FUZZ_SEED=2 npx bun test test/api/mutated-bodies.test.ts

import { describe, expect, test } from "bun:test";

import { createApp } from "../../src/api/app.ts";
import { createLogger } from "../../src/base/log.ts";
import { ManualClock } from "../manual-clock.ts";
import { problemOf } from "./answer-problem.ts";
import { FakeBackend } from "./fake-backend.ts";
import { BODIES, mutatedBody } from "./mutated-bodies.ts";

const NUM_REQUESTS = Number(process.env["FUZZ_REQUESTS"] ?? 500);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);

const lines: string[] = [];
const log = createLogger("test", "warn", (line) => lines.push(line));
const app = createApp(new FakeBackend(), { clock: new ManualClock(), log });

for (const [route, bodies] of Object.entries(BODIES)) {
  describe(route, () => {
    test("takes the bodies that are damaged below", async () => {
      for (const body of bodies) {
        const { status, text } = await send(route, JSON.stringify(body));
        expect([status, text]).toEqual([200, expect.any(String)]);
      }
    });

    test(`${NUM_REQUESTS} mutated bodies`, async () => {
      const statuses = new Map<number, number>();
      const wrong: string[] = [];
      for (let number = 0; number < NUM_REQUESTS && wrong.length < 5; number++) {
        const body = mutatedBody(route, SEED, number);
        const { status, text } = await send(route, body);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        const problem = problemOf(status, text);
        if (problem) wrong.push(`${number} of seed ${SEED}: ${problem}\n${body.slice(0, 2000)}`);
      }
      expect(wrong).toEqual([]);
      expect(lines).toEqual([]);
      expect(statuses.get(200)).toBeGreaterThan(NUM_REQUESTS / 10);
      expect(statuses.get(400)).toBeGreaterThan(NUM_REQUESTS / 10);
    }, 300_000);
  });
}

async function send(route: string, body: string) {
  const request = new Request(`http://localhost${route}`, { method: "POST", body });
  const response = await app.fetch(request);
  return { status: response.status, text: await response.text() };
}
