// Encodes prompts on a side thread, which takes turns between them. One that makes no progress any more is ended with its
// thread, and the others are encoded on a new one.

import type { ServiceContext, SideThread } from "dynamo";

import { unreachable } from "../../base/assert.ts";
import { CancelledError, DynamoError, RemoteError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import {
  type EncodeMessage,
  type EncodeRequest,
  PROGRESS,
  RUNNING,
  type TextAnswer,
} from "../../tokenizer/text-thread.ts";
import { TenantRoom } from "./tenant-room.ts";
import { type TextClient, TextQueueFullError } from "./text-client.ts";

/** A step takes a millisecond as a rule, and some hundred in a text of 16 MB. */
const CHECK_MS = 500;
const MAX_STILL = 6;
const MAX_WAITING = { numTexts: 4096, numChars: 64 * 2 ** 20 };

interface Job {
  readonly request: EncodeRequest;
  readonly resolve: (ids: readonly Int32Array[]) => void;
  readonly reject: (error: Error) => void;
}

export interface EncodeThreadOptions {
  readonly context: Pick<ServiceContext, "sideThread" | "clock">;
  readonly log: Logger;
  readonly model: string;
}

export class EncodeThread {
  readonly #options: EncodeThreadOptions;
  readonly #progress = new Int32Array(new SharedArrayBuffer(8));
  readonly #jobs = new Map<number, Job>();
  readonly #room = new TenantRoom(MAX_WAITING);
  #thread: SideThread | undefined;
  #isReady = false;
  #opened = Promise.withResolvers<void>();
  #isWatching = false;
  #nextId = 1;

  constructor(options: EncodeThreadOptions) {
    this.#options = options;
  }

  /** Rejects with what the model's tokenizer lacks. */
  open(): Promise<void> {
    this.#spawn();
    return this.#opened.promise;
  }

  /**
   * Rejects with `PromptTooLongError`, as it comes from another thread, with `TextQueueFullError`, or with
   * `CancelledError` once the client has left.
   */
  async encode(
    request: Omit<EncodeRequest, "id" | "tenant">,
    { tenant, left }: TextClient,
  ): Promise<readonly Int32Array[]> {
    const numChars = request.prompts.reduce((sum, { text }) => sum + text.length, 0);
    if (!this.#room.tryTake(tenant, numChars)) {
      throw new TextQueueFullError("too many prompts wait to be encoded");
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly Int32Array[]>();
    const id = this.#nextId++;
    this.#add({ request: { ...request, id, tenant }, resolve, reject });
    void left.then(() => this.#leave(id));
    try {
      return await promise;
    } finally {
      this.#room.release(tenant, numChars);
    }
  }

  #add(job: Job): void {
    this.#jobs.set(job.request.id, job);
    if (this.#isReady) this.#post({ type: "encode", request: job.request });
    else if (this.#thread === undefined) this.#spawn();
    if (!this.#isWatching) void this.#watch();
  }

  #leave(id: number): void {
    const job = this.#take(id);
    if (job === undefined) return;
    if (this.#isReady) this.#post({ type: "drop", id });
    job.reject(new CancelledError("the client left while its prompt waited to be encoded"));
  }

  #post(message: EncodeMessage): void {
    this.#thread?.post(message);
  }

  #spawn(): void {
    const { context, model } = this.#options;
    Atomics.store(this.#progress, RUNNING, 0);
    const thread = context.sideThread("text", { work: "encode", model, progress: this.#progress });
    this.#thread = thread;
    this.#isReady = false;
    thread.onMessage((message) => this.#receive(message as TextAnswer<readonly Int32Array[]>));
    thread.onExit((why) => this.#replace(`its thread has ended: ${why}`));
  }

  #receive(message: TextAnswer<readonly Int32Array[]>): void {
    switch (message.type) {
      case "parsing":
        return;
      case "ready":
        this.#isReady = true;
        this.#opened.resolve();
        for (const { request } of this.#jobs.values()) this.#post({ type: "encode", request });
        return;
      case "failed":
        this.#fail(new RemoteError(message.error));
        return;
      case "answer":
        this.#take(message.id)?.resolve(message.value);
        return;
      case "refusal":
        this.#take(message.id)?.reject(new RemoteError(message.error));
        return;
      default:
        unreachable(message);
    }
  }

  #take(id: number): Job | undefined {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    return job;
  }

  /** Replaces a thread that makes no progress, while there is work. */
  async #watch(): Promise<void> {
    this.#isWatching = true;
    const { clock } = this.#options.context;
    let progress = -1;
    let numStill = 0; // checks, not time: a process may be stopped and continued
    while (this.#jobs.size > 0) {
      await clock.sleep(CHECK_MS);
      const isBusy = this.#isReady && Atomics.load(this.#progress, RUNNING) !== 0;
      const now = Atomics.load(this.#progress, PROGRESS);
      numStill = isBusy && now === progress ? numStill + 1 : 0;
      progress = now;
      if (numStill < MAX_STILL) continue;
      this.#replace(`a prompt was not encoded: no progress for ${MAX_STILL * CHECK_MS} ms`);
      numStill = 0;
    }
    this.#isWatching = false;
  }

  /** The prompt that it worked on fails; the others are sent again. */
  #replace(reason: string): void {
    const error = new EncodeError(`${this.#options.model}: ${reason}`);
    this.#options.log.error(error.message);
    this.#thread?.terminate();
    this.#take(Atomics.load(this.#progress, RUNNING))?.reject(error);
    if (this.#isReady) this.#spawn();
    else this.#fail(error);
  }

  /** It cannot be made ready. The next prompt tries again. */
  #fail(error: Error): void {
    this.#thread?.terminate();
    this.#thread = undefined;
    this.#isReady = false;
    this.#opened.reject(error);
    for (const id of [...this.#jobs.keys()]) this.#take(id)?.reject(error);
  }
}

/** The thread that encodes has died of a prompt, or stood still in one. */
export class EncodeError extends DynamoError {
  override readonly code = "encode_failed";
}
