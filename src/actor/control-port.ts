// The line between an actor's thread and the main thread: requests with an answer, and pushes without,
// alike on both ends. It carries what is rare (links to open, deaths, the registry, stop); calls never
// pass here. Bodies are copied by structured clone, so they are plain data, or ports named in `transfer`.
//
// Kinds that the actor room uses itself: "link.open" and "monitor" (requests to the main thread), "link",
// "down" and "stop" (pushes from it). All others belong to the rooms above.

import type { MessagePort } from "node:worker_threads";

import { assert, unreachable } from "../base/assert.ts";
import { DynamoError, RemoteError, toWireError, type WireError } from "../base/error.ts";
import { ActorDownError } from "./error.ts";

/** A two-way, ordered, reliable channel of structured-cloneable messages. */
export interface ControlChannel {
  post(message: ControlMessage, transfer?: readonly MessagePort[]): void;
  onMessage(receive: (message: ControlMessage) => void): void;
}

/** Wraps an answer whose ports move to the other end. */
export class Transferred {
  readonly body: unknown;
  readonly transfer: readonly MessagePort[];

  constructor(body: unknown, transfer: readonly MessagePort[]) {
    this.body = body;
    this.transfer = transfer;
  }
}

export type ControlMessage =
  | { readonly type: "request"; readonly id: number; readonly kind: string; readonly body: unknown }
  | { readonly type: "answer"; readonly id: number; readonly body: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly error: WireError }
  | { readonly type: "push"; readonly kind: string; readonly body: unknown };

/** Answers a request. The error it throws is the answer, as a `RemoteError` at the other end. */
type RequestHandler = (body: unknown) => unknown;
type PushHandler = (body: unknown) => void;

interface PendingRequest {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
}

// Type parameters of its methods name what the other end is known to send: both ends are built from the
// same source, so nothing is validated between them. The casts below rest on that.
export class ControlPort {
  readonly #channel: ControlChannel;
  readonly #requestHandlers = new Map<string, RequestHandler>();
  readonly #pushHandlers = new Map<string, PushHandler>();
  readonly #pending = new Map<number, PendingRequest>();
  #nextId = 1;
  #closedWhy: string | undefined;

  constructor(channel: ControlChannel) {
    this.#channel = channel;
    channel.onMessage((message) => this.#receive(message));
  }

  /** Rejects with `RemoteError` if the handler threw, with `actor_down` if the port closed meanwhile. */
  request<Answer = unknown>(kind: string, body: unknown): Promise<Answer> {
    if (this.#closedWhy !== undefined) {
      return Promise.reject(new ActorDownError(`cannot ask for "${kind}": ${this.#closedWhy}`));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (body: unknown) => void, reject });
      this.#post({ type: "request", id, kind, body });
    });
  }

  /** One handler a kind; a request of a kind without a handler is answered with an error. */
  onRequest<Body = unknown>(kind: string, handler: (body: Body) => unknown): void {
    assert(!this.#requestHandlers.has(kind), `requests of kind "${kind}" have a handler already`);
    this.#requestHandlers.set(kind, handler as RequestHandler);
  }

  push(kind: string, body: unknown, transfer: readonly MessagePort[] = []): void {
    if (this.#closedWhy === undefined) this.#post({ type: "push", kind, body }, transfer);
  }

  /** One handler a kind; a push of a kind without a handler is dropped. */
  onPush<Body = unknown>(kind: string, handler: (body: Body) => void): void {
    assert(!this.#pushHandlers.has(kind), `pushes of kind "${kind}" have a handler already`);
    this.#pushHandlers.set(kind, handler as PushHandler);
  }

  /** Rejects all that is pending with `actor_down`; later requests are rejected at once. */
  close(reason: string): void {
    this.#closedWhy ??= reason;
    for (const { reject } of this.#pending.values()) reject(new ActorDownError(reason));
    this.#pending.clear();
  }

  #post(message: ControlMessage, transfer: readonly MessagePort[] = []): void {
    this.#channel.post(message, transfer);
  }

  #receive(message: ControlMessage): void {
    if (this.#closedWhy !== undefined) return;
    switch (message.type) {
      case "request":
        this.#answer(message.id, message.kind, message.body);
        return;
      case "answer":
        this.#settle(message.id)?.resolve(message.body);
        return;
      case "refusal":
        this.#settle(message.id)?.reject(new RemoteError(message.error));
        return;
      case "push":
        this.#pushHandlers.get(message.kind)?.(message.body);
        return;
      default:
        unreachable(message);
    }
  }

  #answer(id: number, kind: string, body: unknown): void {
    const refuse = (error: unknown) => {
      if (this.#closedWhy === undefined) {
        this.#post({ type: "refusal", id, error: toWireError(error) });
      }
    };
    const answer = (result: unknown) => {
      if (this.#closedWhy !== undefined) return;
      if (result instanceof Transferred) {
        this.#post({ type: "answer", id, body: result.body }, result.transfer);
      } else {
        this.#post({ type: "answer", id, body: result });
      }
    };
    const handler = this.#requestHandlers.get(kind);
    if (handler === undefined) {
      refuse(new UnknownRequestError(`nobody answers requests of kind "${kind}" here`));
      return;
    }
    try {
      const result = handler(body);
      if (result instanceof Promise) void result.then(answer).catch(refuse);
      else answer(result);
    } catch (error) {
      refuse(error);
    }
  }

  #settle(id: number): PendingRequest | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}

/** A request of a kind that the other end has no handler for. */
export class UnknownRequestError extends DynamoError {
  override readonly code = "unknown_request";
}
