// An actor: what one thread runs. It calls other actors and is called by them, over links (peer.ts).

import { AsyncLocalStorage } from "node:async_hooks";

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { toWireError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { ActorId } from "./actor-id.ts";
import type { Call } from "./call.ts";
import type { ControlPort } from "./control-port.ts";
import type { Dialer } from "./link.ts";
import { Mailbox } from "./mailbox.ts";
import { type ActorEnd, Peer } from "./peer.ts";
import { BEAT, createPulse, PulseWriter } from "./pulse.ts";
import type { CallContext, Cancellable, Handler, RunningCall } from "./running-call.ts";

export interface ActorOptions {
  readonly id: ActorId;
  /** Names the actor in messages, such as `Worker:2`. */
  readonly tag: string;
  readonly control: ControlPort;
  readonly dialer: Dialer;
  readonly handler: Handler;
  /** Calls that may be accepted and not yet ended; one more is answered with `MailboxFullError`. */
  readonly maxCalls: number;
  /** Items that a stream of this endpoint may be ahead of its reader; 1 makes it a lease, undefined is 32. */
  readonly windowOf?: (endpoint: string) => number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** The actor shows its supervisor here that it lives; see pulse.ts. */
  readonly pulse?: SharedArrayBuffer;
}

export interface ActorStats {
  /** Calls accepted and not yet ended. */
  readonly mailboxDepth: number;
  readonly openLinks: number;
  /** Streams that this actor produces and that have not ended. */
  readonly openStreams: number;
  readonly callsTotal: number;
  /** Calls that were answered with an error. */
  readonly errorsTotal: number;
}

const DEFAULT_WINDOW = 32;

export class Actor {
  readonly #id: ActorId;
  readonly #tag: string;
  readonly #control: ControlPort;
  readonly #dialer: Dialer;
  readonly #clock: Clock;
  readonly #mailbox: Mailbox;
  readonly #current = new AsyncLocalStorage<RunningCall>();
  readonly #context: CallContext;
  readonly #peers = new Map<ActorId, Peer>();
  #isClosed = false;

  constructor(options: ActorOptions) {
    this.#id = options.id;
    this.#tag = options.tag;
    this.#control = options.control;
    this.#dialer = options.dialer;
    this.#clock = options.clock;
    this.#mailbox = new Mailbox({ tag: options.tag, maxCalls: options.maxCalls });
    const pulse = new PulseWriter(options.pulse ?? createPulse());
    this.#context = {
      handler: options.handler,
      windowOf: (endpoint) => options.windowOf?.(endpoint) ?? DEFAULT_WINDOW,
      mailbox: this.#mailbox,
      current: this.#current,
      counters: { callsTotal: 0, errorsTotal: 0, openStreams: 0 },
      log: options.log,
      pulse,
    };
    this.#control.onPush(BEAT, () => pulse.beat());
    this.#dialer.onDialled((peer) => {
      if (!this.#isClosed) this.#peer(peer);
    });
    this.#control.onPush<Down>("down", (down) => this.#lose(down.id, down));
  }

  /** Sends a call. The first one to a target dials it; nothing waits for it but the answer. */
  call(target: ActorId, endpoint: string, args: readonly unknown[]): Call {
    assert(target !== this.#id, `${this.#tag} called itself over a link: call the method`);
    const known = this.#peers.get(target);
    if (known !== undefined) return known.call(endpoint, args);

    const peer = this.#peer(target);
    const call = peer.call(endpoint, args);
    if (this.#isClosed) this.#lose(target, this.#closedEnd());
    else void this.detach(() => this.#dial(target));
    return call;
  }

  /** Resolves with the reason once `target` is down; at once if it already is or never was. */
  monitor(target: ActorId): Promise<string> {
    return this.#control.request<string>("monitor", { target });
  }

  stats(): ActorStats {
    let openLinks = 0;
    for (const peer of this.#peers.values()) if (peer.isConnected) openLinks++;
    return { mailboxDepth: this.#mailbox.depth, openLinks, ...this.#context.counters };
  }

  /** Runs `task` outside of the running call, so that a cancel of that call does not reach what it does. */
  detach<T>(task: () => T): T {
    return this.#current.exit(task);
  }

  /** A cancel of the running call, if there is one, reaches `work` too, until the function that is returned is called. */
  adopt(work: Cancellable): () => void {
    const parent = this.#current.getStore();
    parent?.adopt(work);
    return () => parent?.disown(work);
  }

  /**
   * Refuses new calls (`actor_stopping`) and waits for the running ones. A call that still runs after `deadlineMs` is
   * answered with `actor_stopping` and cancelled.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#mailbox.stop();
    let timer: { cancel(): void } | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = this.#clock.after(deadlineMs, resolve);
    });
    await Promise.race([this.#mailbox.idle().then(() => this.#flushed()), deadline]);
    timer?.cancel();
    const message = `${this.#tag} is stopping, and the call still ran after ${deadlineMs} ms`;
    for (const peer of this.#peers.values()) peer.abortRunning(message);
  }

  /** Fails what is open and closes all links. */
  close(): void {
    this.#isClosed = true;
    this.#mailbox.stop();
    for (const peer of [...this.#peers.values()]) peer.close(this.#closedEnd());
    this.#peers.clear();
  }

  async #dial(peer: ActorId): Promise<void> {
    try {
      await this.#dialer.dial(peer);
    } catch (error) {
      this.#lose(peer, { reason: toWireError(error).message, ended: undefined });
    }
  }

  #peer(id: ActorId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = new Peer(id, this.#context, this.#dialer);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #lose(id: ActorId, end: ActorEnd): void {
    const peer = this.#peers.get(id);
    this.#peers.delete(id);
    peer?.down(end);
  }

  #closedEnd(): ActorEnd {
    return { reason: `${this.#tag} has closed`, ended: "ordered" };
  }

  async #flushed(): Promise<void> {
    for (const peer of [...this.#peers.values()]) await peer.flushed();
  }
}

/** The main thread's word of an actor that has ended. */
export interface Down extends ActorEnd {
  readonly id: ActorId;
}
