// Runs in a thread of its own: encodes prompts, a few milliseconds of each at a time, so that one of a megabyte holds up
// none of ten tokens.

import { systemClock } from "../base/clock.ts";
import { toWireError } from "../base/error.ts";
import { openTokenizer } from "./open-tokenizer.ts";
import { PromptEncoder } from "./prompt-encoder.ts";
import {
  type EncodeInit,
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
  readonly steps: Generator<void, readonly Int32Array[]>;
}

/** What handles a message. Posts `failed` where the model's tokenizer cannot be used. */
export async function encodeService({ model, progress }: EncodeInit, post: Post) {
  const encoder = await openTokenizer(model)
    .then((files) => PromptEncoder.create(files))
    .catch((error: unknown) => void post({ type: "failed", error: toWireError(error) }));
  if (encoder === undefined) return () => {};
  post({ type: "ready" });
  const jobs: Job[] = [];
  let isRunning = false;
  const run = async () => {
    isRunning = true;
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      Atomics.store(progress, RUNNING, job.id);
      if (!isDone(job, { post, progress })) jobs.push(job);
      Atomics.store(progress, RUNNING, 0);
      await systemClock.turn(); // for requests that have come meanwhile
    }
    isRunning = false;
  };
  return (message: unknown) => {
    const request = message as EncodeRequest; // text-thread.ts
    jobs.push({ id: request.id, steps: encodeAll(encoder, request) });
    if (!isRunning) void run();
  };
}

/** Works on it for a turn; whether it was answered. */
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
