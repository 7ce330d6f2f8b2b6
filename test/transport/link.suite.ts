// Claims that every transport must keep. Each one calls this; `open` is called before each test, `close` after it.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";

import { ControlPort } from "../../src/actor/control-port.ts";
import type { Envelope } from "../../src/actor/envelope.ts";
import type { Dialer, Link } from "../../src/actor/link.ts";
import { Switchboard } from "../../src/transport/switchboard.ts";
import { channelPair } from "../actor/in-process-host.ts";
import { failure } from "../actor/net.ts";
import { ManualClock } from "../manual-clock.ts";
import { callsSuite } from "./calls.suite.ts";
import { cancelsSuite } from "./cancels.suite.ts";
import { deathsSuite } from "./deaths.suite.ts";
import { streamsSuite } from "./streams.suite.ts";
import type { TestTransport } from "./test-transport.ts";

export interface OpenTransport {
  readonly transport: TestTransport;
  close(): void;
}

export function linkSuite(name: string, open: () => OpenTransport): void {
  let opened: OpenTransport;
  const transport: TestTransport = {
    offer: (...ends) => opened.transport.offer(...ends),
    dialer: (options) => opened.transport.dialer(options),
    isQuiet: () => opened.transport.isQuiet(),
  };
  beforeEach(() => {
    opened = open();
  });
  afterEach(() => opened.close());

  describe(`${name}: a link`, () => linkTests(transport));
  describe(`${name}: calls`, () => callsSuite(transport));
  describe(`${name}: streams`, () => streamsSuite(transport));
  describe(`${name}: cancels`, () => cancelsSuite(transport));
  describe(`${name}: deaths`, () => deathsSuite(transport));
}

function linkTests(transport: TestTransport): void {
  let ends: Ends;
  beforeEach(() => {
    ends = new Ends(transport);
  });
  afterEach(() => ends.close());

  test("what is sent before it is connected arrives first, and in order", async () => {
    ends.send(1, 2);
    expect(ends.near.isConnected).toBe(false);
    await ends.dial();
    expect(ends.near.isConnected).toBe(true);
    ends.send(3);
    await ends.until(() => ends.arrived.length === 3);
    expect(ends.arrived).toEqual([1, 2, 3]);
  });

  test("carries envelopes of every type as they were, both ways", async () => {
    await ends.dial();
    const all: readonly Envelope[] = [
      { type: "call", call: 1, endpoint: "a/b", args: [1, { ids: new Int32Array([1, 2]) }] },
      { type: "reply", call: 2, value: { text: "häuser", none: null, big: 2n ** 40n } },
      { type: "stream", call: 3, window: 32 },
      { type: "item", call: 4, value: new Uint8Array([1, 2, 3]) },
      { type: "end", call: 5 },
      { type: "error", call: 6, error: { code: "c", message: "m", stack: "s", details: {} } },
      { type: "cancel", call: 7 },
      { type: "credit", call: 8, count: 16 },
    ];
    for (const envelope of all) ends.near.send(envelope);
    await ends.until(() => ends.received.length === all.length);
    expect(ends.received).toEqual([...all]);
    for (const envelope of all) ends.far?.send(envelope);
    await ends.until(() => ends.answered.length === all.length);
    expect(ends.answered).toEqual([...all]);
  });

  test("copies what it is given: a later change by the sender does not travel", async () => {
    const value = { count: 1, ids: new Int32Array([1]) };
    ends.near.send({ type: "item", call: 1, value });
    value.count = 2;
    value.ids[0] = 2;
    await ends.dial();
    await ends.until(() => ends.received.length === 1);
    expect(ends.received).toEqual([
      { type: "item", call: 1, value: { count: 1, ids: new Int32Array([1]) } },
    ]);
  });

  test("refuses what cannot be packed, and goes on with what comes after it", async () => {
    await ends.dial();
    expect(() => ends.send({ fresh: 1, bad: Symbol("no") })).toThrow();
    const huge = { other: new Uint8Array(64 * 1024 * 1024) };
    expect(() => ends.send(huge)).toThrow(/bytes/);
    ends.send({ fresh: 1, bad: 2 }, { other: 3 });
    await ends.until(() => ends.arrived.length === 2);
    expect(ends.arrived).toEqual([{ fresh: 1, bad: 2 }, { other: 3 }]);
  });

  test("is congested while much waits for its peer, tells when there is room, and loses nothing", async () => {
    await ends.dial();
    const item = new Uint8Array(50_000);
    let numSent = 0;
    while (!ends.near.isCongested && numSent < 1000) ends.send([numSent++, item]);
    expect(ends.near.isCongested).toBe(true);
    let hasRoom = false;
    ends.near.whenRoom(() => {
      hasRoom = true;
    });
    expect(hasRoom).toBe(false);
    await ends.until(() => hasRoom && ends.arrived.length === numSent);
    expect(ends.near.isCongested).toBe(false);
    expect(ends.arrived.map((one) => (one as unknown[])[0])).toEqual([...Array(numSent).keys()]);
  });

  test("is full where more waits than new calls may add, and not when it has gone out", async () => {
    const item = new Uint8Array(50_000);
    let numSent = 0;
    while (!ends.near.isFull && numSent < 1000) ends.send([numSent++, item]);
    expect(ends.near.isFull).toBe(true);
    await ends.dial();
    await ends.until(() => ends.arrived.length === numSent);
    expect(ends.near.isFull).toBe(false);
  });

  test("drains what a peer had sent before it ended, once and whole", async () => {
    await ends.dial();
    ends.send("open");
    await ends.until(() => ends.arrived.length === 1);
    const items = Array.from({ length: 40 }, (_, i) => [i, "x".repeat(1000)]);
    ends.send(...items);
    ends.near.close();
    await ends.far?.drainAll();
    expect(ends.arrived).toEqual(["open", ...items]);
  });

  test("receives and sends nothing after its close", async () => {
    await ends.dial();
    ends.send("open");
    await ends.until(() => ends.arrived.length === 1);
    ends.far?.close();
    ends.far?.close();
    ends.send("late");
    ends.far?.send({ type: "end", call: 1 });
    await ends.settle();
    expect(ends.arrived).toEqual(["open"]);
    expect(ends.answered).toEqual([]);
  });

  test("that nobody accepts is no link: the one who dials is told nothing and may close it", async () => {
    ends.refuse();
    ends.send("late");
    await ends.dial();
    await ends.settle();
    expect(ends.arrived).toEqual([]);
    ends.near.close();
  });

  test("is one, where both ends dial at the same time", async () => {
    ends.accept();
    ends.send("forth");
    ends.far?.send({ type: "end", call: 9 });
    await Promise.all([ends.dial(), ends.dialBack()]);
    await ends.until(() => ends.arrived.length === 1 && ends.answered.length === 1);
    expect(ends.numDialled).toBe(0);
  });

  test("to an actor that does not run fails with actor_down", async () => {
    expect((await failure(ends.dialer.dial(999))).code).toBe("actor_down");
  });
}

/** Two dialers and the link between them, without actors. */
class Ends {
  readonly dialer: Dialer;
  readonly near: Link;
  far: Link | undefined;
  /** By the far end. */
  readonly received: Envelope[] = [];
  /** By the near end. */
  readonly answered: Envelope[] = [];
  numDialled = 0;
  readonly #clock = new ManualClock();
  readonly #transport: TestTransport;
  readonly #other: Dialer;
  #mayAccept = true;

  constructor(transport: TestTransport) {
    this.#transport = transport;
    const switchboard = new Switchboard(transport.offer);
    this.dialer = this.#dialer(switchboard, 1);
    this.#other = this.#dialer(switchboard, 2);
    this.near = this.dialer.link(2, (envelope) => this.answered.push(envelope));
    this.dialer.onDialled(() => {});
    this.#other.onDialled(() => {
      this.numDialled++;
      if (this.#mayAccept) this.accept();
    });
  }

  /** Values that the far end has received as items. */
  get arrived(): readonly unknown[] {
    return this.received.flatMap((one) => (one.type === "item" ? [one.value] : []));
  }

  accept(): void {
    this.far = this.#other.link(1, (envelope) => this.received.push(envelope));
  }

  refuse(): void {
    this.#mayAccept = false;
  }

  send(...values: readonly unknown[]): void {
    for (const value of values) this.near.send({ type: "item", call: 1, value });
  }

  dial(): Promise<void> {
    return this.dialer.dial(2);
  }

  dialBack(): Promise<void> {
    return this.#other.dial(1);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#clock.turn();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await this.#clock.turn();
  }

  close(): void {
    this.near.close();
    this.far?.close();
  }

  #dialer(switchboard: Switchboard, id: number): Dialer {
    const [outside, inside] = channelPair();
    switchboard.attach(id, new ControlPort(outside));
    return this.#transport.dialer({ id, control: new ControlPort(inside), clock: this.#clock });
  }
}
