// Runs in a side thread of a Processor: renders chat templates, or encodes prompts.

import { parentPort, workerData } from "node:worker_threads";

import { assert } from "./base/assert.ts";
import { systemClock } from "./base/clock.ts";
import { collectStartGarbage } from "./base/start-garbage.ts";
import { yieldToOthers } from "./base/thread-priority.ts";
import type { TextThreadInit } from "./tokenizer/text-thread.ts";
import { hello } from "./transport/thread/side-thread.ts";

const port = parentPort;
assert(port !== null, "a text thread is a worker thread");
const init = workerData as TextThreadInit; // render-threads.ts and encode-thread.ts give nothing else
if (init.work === "encode") yieldToOthers();
const early: unknown[] = [];
let receive = (message: unknown): void => void early.push(message);
port.on("message", (message: unknown) => receive(message));
port.postMessage(hello());

const post = (message: unknown, transfer: readonly ArrayBuffer[] = []) =>
  port.postMessage(message, [...transfer]);
const handle =
  init.work === "render"
    ? await (await import("./tokenizer/render-service.ts")).renderService(init, post)
    : await (await import("./tokenizer/encode-service.ts")).encodeService(init, post);
receive = handle;
for (const message of early) handle(message);
collectStartGarbage(systemClock);
