// The main thread's side of a QueueClient: one for each instance, which is the consumer.

import type { ControlPort } from "../actor/control-port.ts";
import { unreachable } from "../base/assert.ts";
import type { Consumer, EmbeddedQueues } from "./embedded-queue.ts";
import { QUEUE, type QueuePush, type QueueRequest } from "./queue-client.ts";

export interface QueueServer {
  /** The instance drains: it gets no more work. */
  leave(): void;
  /** The instance has ended: what it had goes to others. */
  end(): void;
}

export function serveQueues(options: {
  readonly control: ControlPort;
  readonly queues: EmbeddedQueues;
  readonly consumer: Consumer;
}): QueueServer {
  const { control, queues, consumer } = options;
  let hasLeft = false;

  control.onRequest<QueueRequest>(QUEUE, (request) => {
    const queue = queues.of(request.queue);
    switch (request.type) {
      case "publish":
        return queue.publish(request.body, request.options);
      case "pull":
        return hasLeft ? new Promise(() => {}) : queue.pull(consumer);
      default:
        return unreachable(request);
    }
  });
  control.onPush<QueuePush>(QUEUE, (push) => {
    const queue = queues.of(push.queue);
    switch (push.type) {
      case "ack":
        return queue.ack(push.id);
      case "remove":
        return queue.remove(push.id);
      default:
        return unreachable(push);
    }
  });
  return {
    leave: () => {
      hasLeft = true;
      for (const queue of queues) queue.leave(consumer);
    },
    end: () => {
      hasLeft = true;
      for (const queue of queues) queue.end(consumer);
    },
  };
}
