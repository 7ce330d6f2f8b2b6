// A few actors on the test's own thread, joined by one switchboard over one transport.

import { Actor, type ActorOptions } from "../../src/actor/actor.ts";
import type { ActorId } from "../../src/actor/actor-id.ts";
import { ControlPort } from "../../src/actor/control-port.ts";
import type { ActorEnding } from "../../src/actor/error.ts";
import type { Handler } from "../../src/actor/running-call.ts";
import type { Logger } from "../../src/base/log.ts";
import { Switchboard } from "../../src/transport/switchboard.ts";
import { ManualClock } from "../manual-clock.ts";
import { lanes, type TestTransport } from "../transport/test-transport.ts";
import { channelPair } from "./in-process-host.ts";

export interface TestActor {
  readonly id: ActorId;
  readonly actor: Actor;
  /** Its thread is gone: it handles nothing more, and the others are told. */
  die(reason: string, ended?: ActorEnding): void;
}

export class Net {
  readonly clock = new ManualClock();
  readonly switchboard: Switchboard;
  /** Lines that actors have logged as errors. */
  readonly errors: string[] = [];
  readonly #transport: TestTransport;
  #actors: TestActor[] = [];

  constructor(transport: TestTransport = lanes) {
    this.#transport = transport;
    this.switchboard = new Switchboard(transport.offer);
  }

  add(handler: Handler, options: Partial<ActorOptions> = {}): TestActor {
    const id = this.switchboard.nextActorId();
    const [outside, inside] = channelPair();
    this.switchboard.attach(id, new ControlPort(outside));
    const control = new ControlPort(inside);
    const actor = new Actor({
      id,
      tag: `Test:${id}`,
      control,
      dialer: this.#transport.dialer({ id, control, clock: this.clock }),
      handler,
      maxCalls: 1024,
      clock: this.clock,
      log: this.#log(),
      ...options,
    });
    const die = (reason: string, ended: ActorEnding = "failed") => {
      inside.close();
      this.switchboard.detach(id, { reason, ended });
      actor.close();
    };
    const added = { id, actor, die };
    this.#actors.push(added);
    return added;
  }

  /** An actor that only calls. */
  caller(): Actor {
    return this.add(() => undefined).actor;
  }

  /** Closes all lanes, so that no port keeps the process alive. */
  close(): void {
    for (const { actor } of this.#actors) actor.close();
    this.#actors = [];
  }

  /** Lets messages travel: each hop takes a few turns, after what is on its way has come. */
  async settle(turns = 20): Promise<void> {
    for (let i = 0; i < turns; i++) {
      await this.clock.turn();
      while (!this.#transport.isQuiet()) await this.clock.turn();
    }
  }

  #log(): Logger {
    const ignore = () => {};
    return {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (message) => void this.errors.push(message),
    };
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The error that a promise rejects with. */
export async function failure(promise: PromiseLike<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
