// Another actor, as this one sees it: the link to it, the calls that went there, and the calls that came from there.

import { unreachable } from "../base/assert.ts";
import { RemoteError, toWireError } from "../base/error.ts";
import type { ActorId } from "./actor-id.ts";
import type { Envelope } from "./envelope.ts";
import { ActorDownError, type ActorEnding, ActorStoppingError, MailboxFullError } from "./error.ts";
import type { Dialer, Link } from "./link.ts";
import { type CallLink, OutgoingCall } from "./outgoing-call.ts";
import { type AnswerLink, type CallContext, RunningCall } from "./running-call.ts";

/** Why a peer is gone. `ended` is undefined if it is not known to have run. */
export interface ActorEnd {
  readonly reason: string;
  readonly ended: ActorEnding | undefined;
}

export class Peer {
  readonly id: ActorId;
  readonly #context: CallContext;
  readonly #link: Link;
  readonly #answerLink: AnswerLink;
  readonly #outgoing = new Map<number, OutgoingCall>();
  readonly #running = new Map<number, RunningCall>();
  readonly #parents = new Map<OutgoingCall, RunningCall>();
  #nextCall = 1;
  #end: ActorEnd | undefined;

  constructor(id: ActorId, context: CallContext, dialer: Dialer) {
    this.id = id;
    this.#context = context;
    const link = dialer.link(id, (envelope) => this.#receive(envelope));
    this.#link = link;
    this.#answerLink = {
      get isCongested() {
        return link.isCongested;
      },
      send: (envelope) => link.send(envelope),
      whenRoom: (resume) => link.whenRoom(resume),
      ended: (call) => {
        this.#running.delete(call);
      },
    };
  }

  get isConnected(): boolean {
    return this.#link.isConnected;
  }

  /** Resolves when nothing waits for room in the link. */
  flushed(): Promise<void> {
    if (!this.#link.isCongested) return Promise.resolve();
    return new Promise((resolve) => this.#link.whenRoom(resolve));
  }

  call(endpoint: string, args: readonly unknown[]): OutgoingCall {
    const call = new OutgoingCall(this.#nextCall++, endpoint, this.#callLink);
    const refusal = this.#refusal(endpoint);
    if (refusal !== undefined) {
      call.receiveError(refusal);
      return call;
    }
    this.#outgoing.set(call.id, call);
    try {
      this.#link.send({ type: "call", call: call.id, endpoint, args });
    } catch (error) {
      call.receiveError(error instanceof Error ? error : new RemoteError(toWireError(error)));
      return call;
    }
    const parent = this.#context.current.getStore();
    if (parent !== undefined) {
      parent.adopt(call);
      this.#parents.set(call, parent);
    }
    return call;
  }

  /** Receives what the peer still had sent, then fails what is open in both directions. */
  down(end: ActorEnd): void {
    if (this.#end !== undefined) return;
    const draining = this.#link.drainAll();
    if (draining === undefined) this.close(end);
    else void draining.then(() => this.close(end));
  }

  /** Fails what is open in both directions, and takes nothing more. */
  close(end: ActorEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    for (const call of [...this.#outgoing.values()]) {
      call.receiveError(this.#downError(call.endpoint, end));
    }
    for (const call of [...this.#running.values()]) call.cancel();
    this.#link.close();
  }

  /** Answers every running call with `actor_stopping` and cancels it. */
  abortRunning(message: string): void {
    for (const call of [...this.#running.values()]) call.abort(new ActorStoppingError(message));
  }

  #refusal(endpoint: string): Error | undefined {
    if (this.#end !== undefined) return this.#downError(endpoint, this.#end);
    if (this.#link.isFull) {
      return new MailboxFullError(
        `${endpoint}: the link to actor ${this.id} is full: try again later`,
      );
    }
    return undefined;
  }

  #downError(endpoint: string, { reason, ended }: ActorEnd): ActorDownError {
    return new ActorDownError(`${endpoint}: actor ${this.id} is down: ${reason}`, ended);
  }

  #receive(envelope: Envelope): void {
    switch (envelope.type) {
      case "call":
        this.#accept(envelope.call, envelope.endpoint, envelope.args);
        return;
      case "cancel":
        this.#running.get(envelope.call)?.cancel();
        return;
      case "credit":
        this.#running.get(envelope.call)?.addCredit(envelope.count);
        return;
      // An answer to a call that is not open any more was on its way when the call was cancelled.
      case "reply":
        this.#outgoing.get(envelope.call)?.receiveReply(envelope.value);
        return;
      case "stream":
        this.#outgoing.get(envelope.call)?.receiveStream(envelope.window);
        return;
      case "item":
        this.#outgoing.get(envelope.call)?.receiveItem(envelope.value);
        return;
      case "end":
        this.#outgoing.get(envelope.call)?.receiveEnd();
        return;
      case "error":
        this.#outgoing.get(envelope.call)?.receiveError(new RemoteError(envelope.error));
        return;
      default:
        unreachable(envelope);
    }
  }

  #accept(id: number, endpoint: string, args: readonly unknown[]): void {
    const refusal = this.#context.mailbox.accept();
    if (refusal !== undefined) {
      this.#context.counters.errorsTotal++;
      this.#link.send({ type: "error", call: id, error: toWireError(refusal) });
      return;
    }
    this.#context.counters.callsTotal++;
    const call = new RunningCall({ context: this.#context, link: this.#answerLink, id, endpoint });
    this.#running.set(id, call);
    call.begin(args);
  }

  readonly #callLink: CallLink = {
    sendCancel: (call) => this.#link.send({ type: "cancel", call }),
    sendCredit: (call, count) => this.#link.send({ type: "credit", call, count }),
    ended: (call) => {
      this.#outgoing.delete(call.id);
      this.#parents.get(call)?.disown(call);
      this.#parents.delete(call);
    },
  };
}
