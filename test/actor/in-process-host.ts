// Runs actors on the test's own thread: same lanes, same control ports, no Worker. A message to and from such a
// "thread" is cloned and arrives in a later microtask, as it would from a real one.

import type { MessagePort } from "node:worker_threads";

import type {
  ActorExit,
  ActorHost,
  ActorInit,
  ActorScope,
  ActorThread,
} from "../../src/actor/actor-host.ts";
import type { ControlChannel, ControlMessage } from "../../src/actor/control-port.ts";
import { toWireError } from "../../src/base/error.ts";
import { Switchboard } from "../../src/transport/switchboard.ts";
import { lanes, type TestTransport } from "../transport/test-transport.ts";

/** Main of a worker's entry. Returns what stops it when its "thread" ends; or throws, and has failed. */
export type InProcessMain = (scope: ActorScope) => () => void;

export class InProcessHost implements ActorHost {
  readonly roster: Switchboard;
  /** Threads that were spawned and have not ended, by tag. */
  readonly running = new Map<string, ActorScope>();
  readonly #kills = new Map<string, () => void>();
  readonly #main: InProcessMain;
  #heldKills: (() => void)[] | undefined;

  constructor(main: InProcessMain, transport: TestTransport = lanes) {
    this.roster = new Switchboard(transport.offer);
    this.#main = main;
  }

  /** Ends a "thread" by the test's order, which is no failure of what it runs. */
  kill(tag: string): void {
    this.#kills.get(tag)?.();
  }

  spawn(init: ActorInit): ActorThread {
    const [outside, inside] = channelPair();
    const exited = Promise.withResolvers<ActorExit>();
    let dispose: (() => void) | undefined;
    let hasEnded = false;
    const end = (exit: ActorExit) => {
      if (hasEnded) return;
      hasEnded = true;
      this.running.delete(init.tag);
      this.#kills.delete(init.tag);
      outside.close();
      dispose?.();
      exited.resolve(exit);
    };
    const scope: ActorScope = {
      init: structuredClone(init),
      channel: inside,
      exit: () => end({ type: "normal" }),
      fail: (error) => end({ type: "error", error: toWireError(error) }),
    };
    this.running.set(init.tag, scope);
    this.#kills.set(init.tag, () => end({ type: "killed" }));
    queueMicrotask(() => {
      if (hasEnded) return;
      try {
        dispose = this.#main(scope);
        if (hasEnded) dispose();
      } catch (error) {
        scope.fail(error);
      }
    });
    return {
      id: init.id,
      post: outside.post,
      onMessage: outside.onMessage,
      onExit: (receive) => void exited.promise.then(receive),
      terminate: () => {
        if (this.#heldKills === undefined) end({ type: "killed" });
        else this.#heldKills.push(() => end({ type: "killed" }));
      },
    };
  }

  /** From now on a kill ends no thread, as if each were in native code. */
  holdKills(): void {
    this.#heldKills ??= [];
  }

  /** The native code returns. */
  releaseKills(): void {
    const held = this.#heldKills ?? [];
    this.#heldKills = undefined;
    for (const end of held) end();
  }
}

/** Two ends of one control channel. Messages that come before there is a receiver wait for it. */
export function channelPair(): [CloseableChannel, CloseableChannel] {
  let isClosed = false;
  const close = () => {
    isClosed = true;
  };
  const ends = [createInbox(() => isClosed), createInbox(() => isClosed)] as const;
  return [
    { post: ends[1].deliver, onMessage: ends[0].onMessage, close },
    { post: ends[0].deliver, onMessage: ends[1].onMessage, close },
  ];
}

export interface CloseableChannel extends ControlChannel {
  close(): void;
}

function createInbox(isClosed: () => boolean) {
  const waiting: ControlMessage[] = [];
  let receive: ((message: ControlMessage) => void) | undefined;
  const flush = () => {
    while (receive !== undefined && !isClosed()) {
      const message = waiting.shift();
      if (message === undefined) return;
      receive(message);
    }
  };
  return {
    deliver(message: ControlMessage, transfer: readonly MessagePort[] = []): void {
      waiting.push(transfer.length > 0 ? message : structuredClone(message));
      queueMicrotask(flush);
    },
    onMessage(handler: (message: ControlMessage) => void): void {
      receive = handler;
      queueMicrotask(flush);
    },
  };
}
