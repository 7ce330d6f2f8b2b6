// Runs in a thread of its own: encodes prompts, a few milliseconds of each at a time, so that one of a megabyte holds up
// none of ten tokens. Tenants take turns, and so do the prompts of one tenant.

import { unreachable } from "../base/assert.ts";
import { systemClock } from "../base/clock.ts";
import { toWireError } from "../base/error.ts";
import { FairQueue } from "../base/fair-queue.ts";
import { openTokenizer } from "./open-tokenizer.ts";
import { PromptEncoder } from "./prompt-encoder.ts";
import {
  type EncodeInit,
  type EncodeMessage,
  type EncodeRequest,
  PROGRESS,
  RUNNING,
  type TextAnswer,
} from "./text-thread.ts";

type Post = (message: TextAnswer<readonly Int32Array[]>, transfer?: readonly ArrayBuffer[]) => void;

/** How long one request is worked on before the next has its turn. */
const TURN_MS = 5;

interface Job {
  readonly id: number;
  readonly tenant: number;
  readonly steps: Generator<void, readonly Int32Array[]>;
}

/** Gives the handler of its messages. Posts `failed` where the model's tokenizer cannot be used. */
export async function encodeService({ model, progress }: EncodeInit, post: Post) {
  const encoder = await openTokenizer(model)
    .then((files) => PromptEncoder.create(files))
    .catch((error: unknown) => void post({ type: "failed", error: toWireError(error) }));
  if (encoder === undefined) return () => {};
  post({ type: "ready" });
  const jobs = new Map<number, Job>();
  const waiting = new FairQueue<Job>();
  let isRunning = false;
  const run = async () => {
    isRunning = true;
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      Atomics.store(progress, RUNNING, job.id);
      if (isDone(job, { post, progress })) jobs.delete(job.id);
      else waiting.push(job.tenant, job);
      Atomics.store(progress, RUNNING, 0);
      await systemClock.turn(); // for requests that have come meanwhile
    }
    isRunning = false;
  };
  const add = (request: EncodeRequest) => {
    const { id, tenant } = request;
    const job = { id, tenant, steps: encodeAll(encoder, request) };
    jobs.set(id, job);
    waiting.push(tenant, job);
    if (!isRunning) void run();
  };
  const drop = (id: number) => {
    const job = jobs.get(id);
    if (job !== undefined) waiting.delete(job.tenant, job);
    jobs.delete(id);
  };
  return (data: unknown) => {
    const message = data as EncodeMessage; // text-thread.ts
    switch (message.type) {
      case "encode":
        add(message.request);
        return;
      case "drop":
        drop(message.id);
        return;
      default:
        unreachable(message);
    }
  };
}

/** Works on it for a turn. True if it was answered. */
function isDone(
  { id, steps }: Job,
  { post, progress }: { readonly post: Post; readonly progress: Int32Array },
): boolean {
  const end = systemClock.now() + TURN_MS;
  try {
    do {
      Atomics.add(progress, PROGRESS, 1);
      const { done, value } = steps.next();
      if (!done) continue;
      const buffers = value.map(({ buffer }) => buffer as ArrayBuffer); // made by the encoder, not shared
      post({ type: "answer", id, value }, buffers);
      return true;
    } while (systemClock.now() < end);
    return false;
  } catch (error) {
    post({ type: "refusal", id, error: toWireError(error) });
    return true;
  }
}

function* encodeAll(
  encoder: PromptEncoder,
  { prompts, form, maxTokens }: EncodeRequest,
): Generator<void, readonly Int32Array[]> {
  const all: Int32Array[] = [];
  for (const { text, literals } of prompts) {
    all.push(yield* encoder.encode(text, { maxTokens, form, literals }));
    yield;
  }
  return all;
}
