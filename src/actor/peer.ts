// Another actor, as this one sees it: the lane to it, the calls that went there, and the calls that came from there.

import { unreachable } from "../base/assert.ts";
import { RemoteError, toWireError } from "../base/error.ts";
import type { ActorId } from "./actor-id.ts";
import type { Envelope } from "./envelope.ts";
import { ActorDownError, type ActorEnding, ActorStoppingError, MailboxFullError } from "./error.ts";
import { Lane, type LaneOffer, type LaneOptions } from "./lane.ts";
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
  readonly #lane: Lane;
  readonly #answerLink: AnswerLink;
  readonly #outgoing = new Map<number, OutgoingCall>();
  readonly #running = new Map<number, RunningCall>();
  readonly #parents = new Map<OutgoingCall, RunningCall>();
  #nextCall = 1;
  #end: ActorEnd | undefined;

  constructor(id: ActorId, context: CallContext, options: Omit<LaneOptions, "receive">) {
    this.id = id;
    this.#context = context;
    const lane = new Lane({ ...options, receive: (envelope) => this.#receive(envelope) });
    this.#lane = lane;
    this.#answerLink = {
      get isCongested() {
        return lane.isCongested;
      },
      send: (envelope) => lane.send(envelope),
      whenRoom: (resume) => lane.whenRoom(resume),
      ended: (call) => {
        this.#running.delete(call);
      },
    };
  }

  get isConnected(): boolean {
    return this.#lane.isConnected;
  }

  /** Resolves when nothing waits for room in the lane. */
  flushed(): Promise<void> {
    if (!this.#lane.isCongested) return Promise.resolve();
    return new Promise((resolve) => this.#lane.whenRoom(resolve));
  }

  connect(offer: LaneOffer): void {
    if (this.#end === undefined && !this.#lane.isConnected) this.#lane.connect(offer);
    else offer.bell.close();
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
      this.#lane.send({ type: "call", call: call.id, endpoint, args });
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
    this.#lane.drainAll();
    this.close(end);
  }

  /** Fails what is open in both directions, and takes nothing more. */
  close(end: ActorEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    for (const call of [...this.#outgoing.values()]) {
      call.receiveError(this.#downError(call.endpoint, end));
    }
    for (const call of [...this.#running.values()]) call.cancel();
    this.#lane.close();
  }

  /** Answers every running call with `actor_stopping` and cancels it. */
  abortRunning(message: string): void {
    for (const call of [...this.#running.values()]) call.abort(new ActorStoppingError(message));
  }

  #refusal(endpoint: string): Error | undefined {
    if (this.#end !== undefined) return this.#downError(endpoint, this.#end);
    if (this.#lane.isFull) {
      return new MailboxFullError(
        `${endpoint}: the lane to actor ${this.id} is full: try again later`,
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
      this.#lane.send({ type: "error", call: id, error: toWireError(refusal) });
      return;
    }
    this.#context.counters.callsTotal++;
    const call = new RunningCall({ context: this.#context, link: this.#answerLink, id, endpoint });
    this.#running.set(id, call);
    call.begin(args);
  }

  readonly #callLink: CallLink = {
    sendCancel: (call) => this.#lane.send({ type: "cancel", call }),
    sendCredit: (call, count) => this.#lane.send({ type: "credit", call, count }),
    ended: (call) => {
      this.#outgoing.delete(call.id);
      this.#parents.get(call)?.disown(call);
      this.#parents.delete(call);
    },
  };
}
