// Lanes and actor calls, beside request and reply over a real nats-server.
//
//   bun test/bench/lane.ts
//
// Everything runs on this machine: lanes between threads of this process, NATS between two threads and the server's
// process over loopback TCP. So it compares what a graph in one process pays for a call with what it would pay if its
// services met at a broker, not two ways to do the same thing. Rounds are interleaved, medians are printed: wake-ups
// cost 5 µs on a busy machine and 25 µs or more on an idle one, so only figures of one run may be compared.
//
// Calls are measured over lanes that sleep when they have nothing to read, and over lanes that look again for a moment
// first (src/transport/thread/spin.ts). The switchboard allows the latter only while there are fewer actors than cores. A bare ping
// over a MessagePort is the floor of those that sleep: two wake-ups and nothing else.

import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { MessageChannel } from "node:worker_threads";

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Actor } from "../../src/actor/actor.ts";
import type { ActorThread } from "../../src/actor/actor-host.ts";
import type { ActorId } from "../../src/actor/actor-id.ts";
import { ControlPort } from "../../src/actor/control-port.ts";
import { createPulse } from "../../src/actor/pulse.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { Switchboard } from "../../src/transport/switchboard.ts";
import { ThreadDialer } from "../../src/transport/thread/dialer.ts";
import { WorkerHost } from "../../src/transport/thread/host.ts";
import { createLaneMemory, Lane, type LaneOffer } from "../../src/transport/thread/lane.ts";
import { offerLanes } from "../../src/transport/thread/offer-lanes.ts";
import { TurnEnd } from "../../src/transport/turn-end.ts";
import { channelPair } from "../actor/in-process-host.ts";
import { median, quantile } from "./median.ts";

const ROUNDS = 5;
const PAYLOAD = { ids: [101234, 201234, 301234, 401234, 501234, 601234, 701234, 801234], count: 5 }; // a frame of 64 B
const PAYLOAD_BYTES = new Uint8Array(64);

const SLEEPING = "actor call, 64 B, sleeping";
const SPINNING = "actor call, 64 B, spinning";
const NATS = "nats request, 64 B";
const PING = "bare port";
const RTT = "RTT p50, µs";
const RATE = "calls/s, 64 at once";

export async function run(): Promise<void> {
  const results = new Results();
  const threads = new Threads();
  const nats = await startNats();
  try {
    const measures = [...(await laneMeasures(threads, results))];
    if (nats !== undefined) measures.push(await natsMeasure(threads, results, nats));
    for (let round = 0; round <= ROUNDS; round++) {
      if (round === 1) results.clear(); // the first warms up
      for (const measure of measures) await measure();
    }
  } finally {
    await nats?.connection.close();
    nats?.server.kill();
    threads.close();
  }
  results.print();
  if (nats === undefined) {
    console.log(
      "nats-server is not on the PATH, so nothing to compare with: apt-get install nats-server",
    );
  } else {
    results.compare(SLEEPING, NATS);
    results.compare(SPINNING, NATS);
  }
}

type Measure = () => Promise<void>;

async function laneMeasures(threads: Threads, results: Results): Promise<readonly Measure[]> {
  const far = await threads.spawn(threads.sleeping, "lane");
  const callee = await threads.spawn(threads.sleeping, "actor");
  const middle = await threads.spawn(threads.sleeping, "actor");
  const spinner = await threads.spawn(threads.spinning, "actor");
  const actor = threads.localActor(threads.sleeping);
  const spinningActor = threads.localActor(threads.spinning);
  const lane = threads.bareLane(far.control);
  const ping = threads.barePing(far.control);
  const sleep = async () => await actor.call(callee.id, "echo", [PAYLOAD]);
  const spin = async () => await spinningActor.call(spinner.id, "echo", [PAYLOAD]);
  const relay = () => actor.call(middle.id, "relay", [PAYLOAD, 1000, callee.id]);
  return [
    () => results.oneWay(lane, far.control, 400_000),
    () => results.roundTrips(PING, 2000, ping),
    () => results.roundTrips(SLEEPING, 2000, sleep),
    () => results.throughput(SLEEPING, 20_000, sleep),
    () => results.roundTrips(SPINNING, 2000, spin),
    () => results.throughput(SPINNING, 20_000, spin),
    () => results.items("one stream", [actor.call(callee.id, "stream", [PAYLOAD, 100_000])]),
    () =>
      results.items(
        "64 streams, an item each a turn, over two lanes",
        Array.from({ length: 64 }, relay),
      ),
  ];
}

async function natsMeasure(threads: Threads, results: Results, nats: Nats): Promise<Measure> {
  const responder = await threads.spawn(threads.sleeping, "nats");
  await responder.control.request("subscribe", nats.port);
  const request = () => nats.connection.request("echo", PAYLOAD_BYTES);
  return async () => {
    await results.roundTrips(NATS, 500, request);
    await results.throughput(NATS, 5000, request);
  };
}

class Results {
  readonly #values = new Map<string, number[]>();
  #sent = 0;

  clear(): void {
    this.#values.clear();
  }

  async oneWay(lane: Lane, control: ControlPort, count: number): Promise<void> {
    this.#sent += count;
    const done = control.request("received", this.#sent);
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      lane.send({ type: "item", call: 1, value: PAYLOAD });
      if (lane.isCongested) await new Promise<void>((resolve) => lane.whenRoom(resolve));
    }
    await done;
    this.#record("lane, one way, 64 B: messages/s", perSecond(count, start));
  }

  /** One at a time: what a caller waits. */
  async roundTrips(name: string, count: number, call: () => Promise<unknown>): Promise<void> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await call();
      times.push((performance.now() - start) * 1000);
    }
    this.#record(`${name}: ${RTT}`, median(times));
    this.#record(`${name}: RTT p99, µs`, quantile(times, 0.99));
  }

  /** 64 at once. */
  async throughput(name: string, count: number, call: () => Promise<unknown>): Promise<void> {
    const start = performance.now();
    let left = count;
    const one = async () => {
      while (left-- > 0) await call();
    };
    await Promise.all(Array.from({ length: 64 }, one));
    this.#record(`${name}: ${RATE}`, perSecond(count, start));
  }

  async items(name: string, streams: readonly AsyncIterable<unknown>[]): Promise<void> {
    const start = performance.now();
    let received = 0;
    await Promise.all(
      streams.map(async (stream) => {
        for await (const _ of stream) received++;
      }),
    );
    this.#record(`${name}: items/s`, perSecond(received, start));
  }

  print(): void {
    for (const [name, values] of this.#values) {
      const sorted = values.toSorted((a, b) => a - b).map((value) => value.toFixed(1));
      const middle = median(values).toFixed(1).padStart(12);
      console.log(`${name.padEnd(58)} ${middle}   [${sorted[0]} … ${sorted.at(-1)}]`);
    }
  }

  compare(name: string, other: string): void {
    const of = (measured: string, what: string) =>
      median(this.#values.get(`${measured}: ${what}`) ?? []);
    const latency = (of(other, RTT) / of(name, RTT)).toFixed(1);
    const rate = (of(name, RATE) / of(other, RATE)).toFixed(1);
    console.log(`${name}, beside ${other}: RTT p50 ${latency}x shorter, ${rate}x the calls/s`);
  }

  #record(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    values.push(value);
    this.#values.set(name, values);
  }
}

/** The threads of the benchmark, and what this thread has open to them. */
class Threads {
  readonly sleeping = new Switchboard(offerLanes(0));
  readonly spinning = new Switchboard(offerLanes(Infinity));
  readonly #host = new WorkerHost({
    env: process.env,
    clock: systemClock,
    entry: new URL("./lane.worker.ts", import.meta.url),
  });
  readonly #threads: ActorThread[] = [];
  readonly #open: { close(): void }[] = [];

  async spawn(
    switchboard: Switchboard,
    data: "actor" | "lane" | "nats",
  ): Promise<{ readonly id: ActorId; readonly control: ControlPort }> {
    const id = switchboard.nextActorId();
    const thread = this.#host.spawn({
      id,
      tag: `Bench:${id}`,
      data,
      env: {},
      pulse: createPulse(),
    });
    this.#threads.push(thread);
    const control = new ControlPort(thread);
    switchboard.attach(id, control);
    thread.onExit((exit) => {
      if (exit.type === "error") throw new Error(exit.error.stack ?? exit.error.message);
    });
    await control.request("ready", undefined);
    return { id, control };
  }

  localActor(switchboard: Switchboard): Actor {
    const [outside, inside] = channelPair();
    const id = switchboard.nextActorId();
    switchboard.attach(id, new ControlPort(outside));
    const control = new ControlPort(inside);
    const actor = new Actor({
      id,
      tag: "Bench:main",
      control,
      dialer: new ThreadDialer({ control, clock: systemClock }),
      handler: () => undefined,
      maxCalls: 1,
      clock: systemClock,
      log: createLogger("Bench:main"),
    });
    this.#open.push(actor);
    return actor;
  }

  bareLane(control: ControlPort): Lane {
    const forth = createLaneMemory();
    const back = createLaneMemory();
    const bell = new MessageChannel();
    const spin = "forbidden";
    const theirs: LaneOffer = {
      ...{ transport: "thread", peer: 0, spin },
      ...{ send: back, receive: forth, bell: bell.port2 },
    };
    control.push("lane", theirs, [bell.port2]);
    const lane = new Lane({ receive: () => {}, turnEnd: new TurnEnd(), clock: systemClock });
    lane.connect({
      ...{ transport: "thread", peer: 1, spin },
      ...{ send: forth, receive: back, bell: bell.port1 },
    });
    this.#open.push(lane);
    return lane;
  }

  barePing(control: ControlPort): () => Promise<void> {
    const { port1, port2 } = new MessageChannel();
    control.push("ping", port2, [port2]);
    let answered = () => {};
    port1.on("message", () => answered());
    this.#open.push(port1);
    return () =>
      new Promise((resolve) => {
        answered = resolve;
        port1.postMessage(0);
      });
  }

  close(): void {
    for (const opened of this.#open) opened.close();
    for (const thread of this.#threads) thread.terminate();
  }
}

interface Nats {
  readonly port: number;
  readonly connection: NatsConnection;
  readonly server: ChildProcess;
}

/** Undefined where there is no nats-server on the PATH. */
async function startNats(): Promise<Nats | undefined> {
  const port = await freePort();
  const server = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  let isMissing = false;
  server.on("error", () => {
    isMissing = true;
  });
  for (let attempt = 0; attempt < 50 && !isMissing; attempt++) {
    try {
      const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false });
      return { port, connection, server };
    } catch {
      await systemClock.sleep(100); // it is not up yet
    }
  }
  server.kill();
  return undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

function perSecond(count: number, start: number): number {
  return (count / (performance.now() - start)) * 1000;
}

if (import.meta.main) await run();
