// Runs in a side thread of a Frontend: parses bodies that would hold its streams up.

import { parentPort } from "node:worker_threads";

import { assert } from "./base/assert.ts";
import { yieldToOthers } from "./base/thread-priority.ts";
import { answerJson } from "./door/json-service.ts";
import { hello } from "./transport/thread/side-thread.ts";

const port = parentPort;
assert(port !== null, "a JSON thread is a worker thread");
yieldToOthers();
port.on("message", (message: unknown) => {
  port.postMessage(answerJson(message as Uint8Array)); // json-thread.ts gives nothing else
});
port.postMessage(hello());
