// Three times the load that a server can do, for a minute: how much of its work is of use, how soon it refuses, and how
// long those wait that it takes. The mocked engine, through the executable's door.
//
//   npm run bench -- overload [--seconds 60] [--times 3] [--key]     --key: all requests are one client's
//
// Capacity is measured first, by as many clients as there are seats. Then requests come at random (Poisson), each on a
// connection that is free.

import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer } from "../e2e/server.ts";
import { seededRandom } from "../seeded-random.ts";
import { request } from "./raw-post.ts";

const SEATS = 64;
const WARM_MS = 10_000;

interface Outcome {
  readonly sentAt: number;
  readonly status: number;
  /** Until the first byte of the answer's body, and until its end. */
  readonly firstMs: number;
  readonly endMs: number;
  readonly retryAfterS: number | undefined;
}

export async function run(options: readonly string[]): Promise<void> {
  const number = (name: string, otherwise: number) => {
    const index = options.indexOf(name);
    return index < 0 ? otherwise : Number(options[index + 1]);
  };
  const seconds = number("--seconds", 60);
  const times = number("--times", 3);
  const file = join(tmpdir(), `dynamo-overload-${process.pid}`);
  writeFileSync(file, "bench key-of-the-overload-bench\n", { mode: 0o600 });
  const server = await startServer({
    args: [
      ...["graphs.agg:Frontend", "-f", "configs/mock.yaml", "--VllmWorker.ServiceArgs.workers=1"],
      ...[`--VllmWorker.max-num-seqs=${SEATS}`, "--VllmWorker.max-queue-ms=10000"],
      ...(options.includes("--key") ? ["--api-key-file", file] : []),
    ],
  });
  try {
    const capacity = await closedLoop(server);
    console.log(`capacity: ${capacity.toFixed(1)} requests/s with ${SEATS} clients`);
    report(await openLoop(server, { perSecond: times * capacity, seconds }), { capacity, seconds });
  } finally {
    await server.stop();
  }
}

let numSent = 0;
async function send(server: Server): Promise<Outcome> {
  const body = {
    model: "mock",
    prompt: `${numSent++} ${"word ".repeat(20)}`,
    max_tokens: 64,
    stream: true,
  };
  const sentAt = performance.now();
  const answer = await request(server.url, "/v1/completions", body, "key-of-the-overload-bench");
  return { sentAt, ...answer };
}

async function closedLoop(server: Server): Promise<number> {
  const end = performance.now() + 2 * WARM_MS;
  let numDone = 0;
  const client = async () => {
    while (performance.now() < end) {
      const { status } = await send(server);
      if (status === 200 && performance.now() > end - WARM_MS && performance.now() < end) numDone++;
    }
  };
  await Promise.all(Array.from({ length: SEATS }, client));
  return numDone / (WARM_MS / 1000);
}

async function openLoop(
  server: Server,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<readonly Outcome[]> {
  const random = seededRandom(7);
  const begin = performance.now();
  const sent: Promise<Outcome>[] = [];
  for (let at = 0; at < seconds * 1000; at += (-Math.log(1 - random()) * 1000) / perSecond) {
    const waitMs = begin + at - performance.now();
    if (waitMs > 0) await Bun.sleep(waitMs);
    sent.push(send(server));
  }
  return Promise.all(sent);
}

function report(
  outcomes: readonly Outcome[],
  { capacity, seconds }: { readonly capacity: number; readonly seconds: number },
): void {
  const begin = outcomes[0]?.sentAt ?? 0;
  const served = outcomes.filter(({ status }) => status === 200);
  const refused = outcomes.filter(({ status }) => status === 429);
  // The queue fills first: what is of use is counted behind that.
  const [from, to] = [begin + WARM_MS, begin + seconds * 1000];
  const ended = served.filter(({ sentAt, endMs }) => sentAt + endMs >= from && sentAt + endMs < to);
  const goodput = ended.length / ((to - from) / 1000) / capacity;
  const waits = served.map(({ firstMs }) => firstMs);
  const refusals = refused.map(({ endMs }) => endMs);
  const numLate = refusals.filter((ms) => ms > 50).length;
  const untold = refused.filter(({ retryAfterS }) => retryAfterS === undefined).length;
  const others = outcomes.length - served.length - refused.length;
  console.log(
    [
      `sent ${outcomes.length}, served ${served.length}, refused ${refused.length}, other ${others}`,
      `goodput ${(100 * goodput).toFixed(1)} % of capacity`,
      `first token: p50 ${percentile(waits, 0.5)} ms, p99 ${percentile(waits, 0.99)} ms, most ${percentile(waits, 1)} ms`,
      `refusals: p50 ${percentile(refusals, 0.5)} ms, p99 ${percentile(refusals, 0.99)} ms, most ${percentile(refusals, 1)} ms; ${numLate} after more than 50 ms, ${untold} without Retry-After`,
    ].join("\n"),
  );
}

function percentile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return value === undefined ? "-" : value.toFixed(0);
}
