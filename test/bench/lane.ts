// Lanes and actor calls, beside request and reply over a real nats-server.
//
//   bun test/bench/lane.ts [--rounds=5]
//
// Everything runs on this machine: lanes between threads of this process, NATS between two threads and the server's
// process over loopback TCP. So it compares what a graph in one process pays for a call with what it would pay if its
// services met at a broker, not two ways to do the same thing. Rounds are interleaved, medians are printed: wake-ups
// cost 5 µs on a busy machine and 25 µs or more on an idle one, so only figures of one run may be compared.
//
// Calls are measured over lanes that sleep when they have nothing to read, and over lanes that look again for a moment
// first (src/actor/spin.ts). The switchboard allows the latter only while there are fewer actors than cores.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { MessageChannel } from "node:worker_threads";

import { connect } from "@nats-io/transport-node";

import { Actor, type ActorId } from "../../src/actor/actor.ts";
import { ControlPort } from "../../src/actor/control-port.ts";
import { createLaneMemory, Lane, type LaneOffer } from "../../src/actor/lane.ts";
import { Switchboard } from "../../src/actor/switchboard.ts";
import { TurnEnd } from "../../src/actor/turn-end.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { WorkerHost } from "../../src/host.ts";
import { channelPair } from "../actor/in-process-host.ts";

const ROUNDS = Number(process.argv[2]?.replace("--rounds=", "") ?? 5);
const PAYLOAD = { ids: [101234, 201234, 301234, 401234, 501234, 601234, 701234, 801234], count: 5 }; // a frame of 64 B
const PAYLOAD_BYTES = new Uint8Array(64);

const SLEEPING = "actor call, 64 B, sleeping";
const SPINNING = "actor call, 64 B, spinning";
const NATS = "nats request, 64 B";
const RTT = "RTT p50, µs";
const RATE = "calls/s, 64 at once";

const clock = systemClock;
const host = new WorkerHost({
  env: process.env,
  clock,
  entry: new URL("./lane.worker.ts", import.meta.url),
});
const sleeping = new Switchboard(0);
const spinning = new Switchboard(Infinity);
const threads: { terminate(): void }[] = [];

const results = new Map<string, number[]>();
function record(name: string, value: number): void {
  const values = results.get(name) ?? [];
  values.push(value);
  results.set(name, values);
}

async function spawnThread(
  switchboard: Switchboard,
  data: "actor" | "lane" | "nats",
): Promise<{ id: ActorId; control: ControlPort }> {
  const id = switchboard.nextActorId();
  const thread = host.spawn({ id, tag: `Bench:${id}`, data, env: {} });
  threads.push(thread);
  const control = new ControlPort(thread);
  switchboard.attach(id, control);
  thread.onExit((exit) => {
    if (exit.type === "failed") throw new Error(exit.error.stack ?? exit.error.message);
  });
  if (data !== "nats") await control.request("ready", undefined);
  return { id, control };
}

function localActor(switchboard: Switchboard): Actor {
  const [outside, inside] = channelPair();
  const id = switchboard.nextActorId();
  switchboard.attach(id, new ControlPort(outside));
  return new Actor({
    id,
    tag: "Bench:main",
    control: new ControlPort(inside),
    handler: () => undefined,
    maxCalls: 1,
    clock,
    log: createLogger("Bench:main"),
  });
}

function bareLane(control: ControlPort): Lane {
  const forth = createLaneMemory();
  const back = createLaneMemory();
  const bell = new MessageChannel();
  const spin = "forbidden";
  const theirs: LaneOffer = { peer: 0, send: back, receive: forth, bell: bell.port2, spin };
  control.push("bare", theirs, [bell.port2]);
  const lane = new Lane({ receive: () => {}, turnEnd: new TurnEnd(), clock });
  lane.connect({ peer: 1, send: forth, receive: back, bell: bell.port1, spin });
  return lane;
}

let sent = 0;
async function oneWay(lane: Lane, control: ControlPort, count: number): Promise<void> {
  sent += count;
  const done = control.request("received", sent);
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    lane.send({ type: "item", call: 1, value: PAYLOAD });
    if (lane.isCongested) await new Promise<void>((resolve) => lane.whenRoom(resolve));
  }
  await done;
  record("lane, one way, 64 B: messages/s", (count / (performance.now() - start)) * 1000);
}

/** One at a time: what a caller waits. */
async function roundTrips(
  name: string,
  count: number,
  call: () => Promise<unknown>,
): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await call();
    times.push((performance.now() - start) * 1000);
  }
  times.sort((a, b) => a - b);
  record(`${name}: ${RTT}`, times[Math.floor(count * 0.5)] ?? 0);
  record(`${name}: RTT p99, µs`, times[Math.floor(count * 0.99)] ?? 0);
}

/** 64 at once. */
async function throughput(name: string, count: number, call: () => Promise<unknown>) {
  const start = performance.now();
  let left = count;
  const one = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: 64 }, one));
  record(`${name}: ${RATE}`, (count / (performance.now() - start)) * 1000);
}

async function items(name: string, streams: readonly AsyncIterable<unknown>[]): Promise<void> {
  const start = performance.now();
  let received = 0;
  await Promise.all(
    streams.map(async (stream) => {
      for await (const _ of stream) received++;
    }),
  );
  record(name, (received / (performance.now() - start)) * 1000);
}

async function startNats() {
  const port = await freePort();
  const server = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const failed = new Promise<false>((resolve) => server.on("error", () => resolve(false)));
  for (let attempt = 0; attempt < 50; attempt++) {
    const ready = connect({ servers: `127.0.0.1:${port}`, reconnect: false }).catch(
      () => undefined,
    );
    const connection = await Promise.race([ready, failed]);
    if (connection === false) return undefined;
    if (connection !== undefined) return { port, connection, server };
    await clock.sleep(100);
  }
  server.kill();
  return undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        resolve(typeof address === "object" && address !== null ? address.port : 0),
      );
    });
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const far = await spawnThread(sleeping, "lane");
const callee = await spawnThread(sleeping, "actor");
const middle = await spawnThread(sleeping, "actor");
const spinner = await spawnThread(spinning, "actor");
const actor = localActor(sleeping);
const spinningActor = localActor(spinning);
const lane = bareLane(far.control);
const nats = await startNats();
if (nats !== undefined) {
  const responder = await spawnThread(sleeping, "nats");
  await responder.control.request("port", nats.port);
}

for (let round = 0; round <= ROUNDS; round++) {
  if (round === 1) results.clear(); // the first warms up
  await oneWay(lane, far.control, 400_000);
  const call = async () => await actor.call(callee.id, "echo", [PAYLOAD]);
  await roundTrips(SLEEPING, 2000, call);
  await throughput(SLEEPING, 20_000, call);
  const spin = async () => await spinningActor.call(spinner.id, "echo", [PAYLOAD]);
  await roundTrips(SPINNING, 2000, spin);
  await throughput(SPINNING, 20_000, spin);
  if (nats !== undefined) {
    const request = () => nats.connection.request("echo", PAYLOAD_BYTES);
    await roundTrips(NATS, 500, request);
    await throughput(NATS, 5000, request);
  }
  await items("one stream: items/s", [actor.call(callee.id, "stream", [PAYLOAD, 100_000])]);
  await items(
    "64 streams, an item each a turn, two lanes: items/s",
    Array.from({ length: 64 }, () => actor.call(middle.id, "relay", [PAYLOAD, 1000, callee.id])),
  );
}

for (const [name, values] of results) {
  const sorted = [...values].sort((a, b) => a - b).map((value) => value.toFixed(1));
  console.log(
    `${name.padEnd(54)} ${median(values).toFixed(1).padStart(12)}   [${sorted[0]} … ${sorted.at(-1)}]`,
  );
}
if (nats === undefined) {
  console.log(
    "nats-server is not on the PATH, so nothing to compare with: apt-get install nats-server",
  );
} else {
  compare(SLEEPING);
  compare(SPINNING);
}

function compare(name: string): void {
  const of = (measured: string, what: string) => median(results.get(`${measured}: ${what}`) ?? []);
  const latency = of(NATS, RTT) / of(name, RTT);
  const rate = of(name, RATE) / of(NATS, RATE);
  console.log(
    `${name}, beside nats: RTT p50 ${latency.toFixed(1)}x shorter, ${rate.toFixed(1)}x the calls/s`,
  );
}

actor.close();
spinningActor.close();
lane.close();
await nats?.connection.close();
nats?.server.kill();
for (const thread of threads) thread.terminate();
