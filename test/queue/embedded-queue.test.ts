import { EmbeddedQueues, MAX_PENDING } from "../../src/queue/embedded-queue.ts";
import { queueSuite } from "./queue.suite.ts";

queueSuite("embedded queues", async () => ({
  queues: new EmbeddedQueues(),
  maxPending: MAX_PENDING,
}));
