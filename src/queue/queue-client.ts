// A work queue as an actor sees it: over its control port, with the actor as the consumer.
// queue-server.ts answers.

import type { ControlPort } from "../actor/control-port.ts";
import type { ItemId, PublishOptions, WorkItem, WorkQueue } from "./work-queue.ts";

/** The kind of all these on the control port. */
export const QUEUE = "queue";

export type QueueRequest =
  | {
      readonly type: "publish";
      readonly queue: string;
      readonly body: string;
      readonly options: PublishOptions;
    }
  | { readonly type: "pull"; readonly queue: string };

export type QueuePush =
  | { readonly type: "ack"; readonly queue: string; readonly id: ItemId }
  | { readonly type: "remove"; readonly queue: string; readonly id: ItemId };

export class QueueClient implements WorkQueue {
  readonly #control: ControlPort;
  readonly #queue: string;

  constructor(control: ControlPort, queue: string) {
    this.#control = control;
    this.#queue = queue;
  }

  publish(body: string, options: PublishOptions = {}): Promise<ItemId | undefined> {
    return this.#ask({ type: "publish", queue: this.#queue, body, options });
  }

  pull(): Promise<WorkItem> {
    return this.#ask({ type: "pull", queue: this.#queue });
  }

  ack(id: ItemId): void {
    this.#tell({ type: "ack", queue: this.#queue, id });
  }

  remove(id: ItemId): void {
    this.#tell({ type: "remove", queue: this.#queue, id });
  }

  #ask<T>(request: QueueRequest): Promise<T> {
    return this.#control.request<T>(QUEUE, request);
  }

  #tell(push: QueuePush): void {
    this.#control.push(QUEUE, push);
  }
}
