// The main thread's side of a QueueClient: one for each instance, which is a member of all queues.

import type { ControlPort } from "../actor/control-port.ts";
import { unreachable } from "../base/assert.ts";
import { QUEUE, type QueuePush, type QueueRequest } from "./queue-client.ts";
import type { QueueMember } from "./work-queue.ts";

export function serveQueues(control: ControlPort, member: QueueMember): void {
  control.onRequest<QueueRequest>(QUEUE, (request) => {
    const queue = member.queue(request.queue);
    switch (request.type) {
      case "publish":
        return queue.publish(request.body, request.options);
      case "pull":
        return queue.pull();
      default:
        return unreachable(request);
    }
  });
  control.onPush<QueuePush>(QUEUE, (push) => {
    const queue = member.queue(push.queue);
    switch (push.type) {
      case "ack":
        return queue.ack(push.id);
      case "remove":
        return queue.remove(push.id);
      default:
        return unreachable(push);
    }
  });
}
