// Renders chat templates on side threads, since a template may never come to an end. A rendering that takes long while
// others wait leaves the quick lane to them; each has its full limit, and is ended with its thread there.
//
//   waiting --> quick lane --answer-->
//                 | longer than PATIENCE, and others wait
//                 v
//               slow lane, with its thread --answer, or the limit-->
//                 ^
//                 | if the slow lane is taken: it waits, and begins again
//
// Time is CPU time of the thread (work-meter.ts): honest renderings do not fail on a busy machine.

import type { ServiceContext } from "dynamo";

import { unreachable } from "../../base/assert.ts";
import { CancelledError, RemoteError } from "../../base/error.ts";
import { FairQueue } from "../../base/fair-queue.ts";
import type { Logger } from "../../base/log.ts";
import { type RenderLimits, TemplateError } from "../../tokenizer/chat-template.ts";
import { type Conversation, numCharsOf } from "../../tokenizer/conversation.ts";
import type { PromptText } from "../../tokenizer/special-texts.ts";
import type { RenderInit, TextAnswer } from "../../tokenizer/text-thread.ts";
import { Renderer, type RenderJob } from "./renderer.ts";
import { TenantRoom } from "./tenant-room.ts";
import { type TextClient, TextQueueFullError } from "./text-client.ts";

/** A rendering takes a millisecond at most as a rule. */
const PATIENCE = { cpuMs: 25, wallMs: 100 };
/** Wall time may be so many times the limit of CPU time: on a busy machine, or where a thread is blocked. */
const MAX_WALL = 20;
/** Long conversations take longer: a millisecond for so many messages or characters, up to twice the limit more. */
const MESSAGES_PER_MS = 20;
const CHARS_PER_MS = 16_384;
const MAX_WAITING = { numTexts: 1024, numChars: 64 * 2 ** 20 };
const MAX_SLOW_WAITING = { numTexts: 256, numChars: Number.POSITIVE_INFINITY };
const PARSE_MS = 1000;
/** Threads that end one after another before they are ready. */
const MAX_FAILURES = 3;

export interface RenderThreadsOptions {
  readonly context: Pick<ServiceContext, "sideThread" | "clock">;
  readonly log: Logger;
  readonly init: RenderInit;
  /** CPU time of one rendering. */
  readonly timeoutMs: number;
}

export class RenderThreads {
  readonly #options: RenderThreadsOptions;
  readonly #room = new TenantRoom(MAX_WAITING);
  readonly #waiting = new FairQueue<RenderJob>();
  readonly #slowRoom = new TenantRoom(MAX_SLOW_WAITING);
  readonly #slowWaiting = new FairQueue<RenderJob>();
  #quick: Renderer | undefined;
  #slow: Renderer | undefined;
  /** Takes the place of one that was ended. Kept ready once a rendering has taken long: another may. */
  #spare: Renderer | undefined;
  #opened = Promise.withResolvers<void>();
  /** Why no template is rendered at all. */
  #unusable: TemplateError | undefined;
  #wasReady = false;
  #numFailures = 0;
  #nextId = 1;

  constructor(options: RenderThreadsOptions) {
    this.#options = options;
  }

  /** Resolves when the template is parsed, or known to be unusable: the log has why, and so has each chat. */
  open(): Promise<void> {
    this.#quick = this.#spawn();
    return this.#opened.promise;
  }

  /**
   * Rejects with `TemplateError`, `ChatTemplateError` (as they come from another thread), `TextQueueFullError`, or
   * `CancelledError` once the client has left.
   */
  async render(
    conversation: Conversation,
    limits: RenderLimits,
    { tenant, left }: TextClient,
  ): Promise<PromptText> {
    if (this.#unusable !== undefined) throw this.#unusable;
    const numChars = numCharsOf(conversation);
    if (!this.#room.tryTake(tenant, numChars)) {
      throw new TextQueueFullError("too many chats wait for their template");
    }
    const { promise, resolve, reject } = Promise.withResolvers<PromptText>();
    const request = { id: this.#nextId++, conversation, limits };
    const job: RenderJob = { request, numChars, tenant, resolve, reject, hasLeft: false };
    void left.then(() => this.#leave(job));
    this.#waiting.push(tenant, job);
    this.#next();
    try {
      return await promise;
    } finally {
      this.#room.release(tenant, numChars);
    }
  }

  #next(): void {
    this.#quick ??= this.#spawn();
    const quick = this.#quick;
    if (!quick.isReady) return;
    if (quick.job === undefined) this.#begin(quick, this.#waiting.shift());
    else if (quick.isLong && this.#waiting.size > 0) this.#makeWay(quick);
  }

  #begin(renderer: Renderer, job: RenderJob | undefined): void {
    if (job === undefined) return;
    renderer.begin(job);
    if (renderer === this.#slow) this.#limit(renderer, job);
    else renderer.meter.at(PATIENCE, () => this.#takesLong(renderer, job));
  }

  #takesLong(renderer: Renderer, job: RenderJob): void {
    renderer.isLong = true;
    if (job.hasLeft) this.#stop(renderer);
    else this.#limit(renderer, job);
    this.#next();
  }

  #limit(renderer: Renderer, { request, numChars }: RenderJob): void {
    const { timeoutMs } = this.#options;
    const more = request.conversation.messages.length / MESSAGES_PER_MS + numChars / CHARS_PER_MS;
    const limitMs = timeoutMs + Math.min(2 * timeoutMs, Math.floor(more));
    renderer.meter.at({ cpuMs: limitMs, wallMs: MAX_WALL * limitMs }, () => {
      this.#fail(renderer, `a rendering did not end within ${limitMs} ms of CPU time`);
      this.#stop(renderer);
    });
  }

  /** The quick lane's job takes long, and others wait. */
  #makeWay(quick: Renderer): void {
    if (this.#slow === undefined) {
      this.#slow = quick;
      this.#quick = undefined;
    } else {
      this.#waitForSlowLane(quick.takeJob());
      this.#drop(quick);
    }
    this.#replaceQuick();
  }

  #waitForSlowLane(job: RenderJob | undefined): void {
    if (job === undefined) return;
    if (this.#slowRoom.tryTake(job.tenant, 0)) this.#slowWaiting.push(job.tenant, job);
    else job.reject(new TextQueueFullError("too many chats wait whose template takes long"));
  }

  #nextSlow(): void {
    const job = this.#slowWaiting.shift();
    const slow = this.#slow;
    if (slow === undefined) return;
    if (job === undefined) this.#drop(slow);
    else {
      this.#slowRoom.release(job.tenant, 0);
      this.#begin(slow, job);
    }
  }

  #openSlowLane(): void {
    if (this.#slowWaiting.size === 0 || this.#slow !== undefined) return;
    this.#slow = this.#takeSpare();
    if (this.#slow.isReady) this.#nextSlow();
  }

  /** Ends a thread in the middle of its work. */
  #stop(renderer: Renderer): void {
    this.#drop(renderer);
    this.#openSlowLane();
    if (this.#quick === undefined) this.#replaceQuick();
  }

  #replaceQuick(): void {
    this.#quick = this.#takeSpare();
    this.#next();
  }

  #takeSpare(): Renderer {
    const spare = this.#spare ?? this.#spawn();
    this.#spare = this.#spawn();
    return spare;
  }

  #drop(renderer: Renderer): void {
    renderer.end();
    if (this.#quick === renderer) this.#quick = undefined;
    if (this.#slow === renderer) this.#slow = undefined;
    if (this.#spare === renderer) this.#spare = undefined;
  }

  /** The client has left: its job waits no longer, and a long one is stopped. */
  #leave(job: RenderJob): void {
    job.hasLeft = true;
    this.#waiting.delete(job.tenant, job);
    if (this.#slowWaiting.delete(job.tenant, job)) this.#slowRoom.release(job.tenant, 0);
    job.reject(new CancelledError("the client left while its chat waited for its template"));
    const { quick, slow } = { quick: this.#quick, slow: this.#slow };
    if (slow?.job === job) this.#stop(slow);
    else if (quick?.job === job && quick.isLong) this.#stop(quick);
  }

  #fail(renderer: Renderer, reason: string): void {
    const job = renderer.takeJob();
    if (job === undefined) return;
    const error = new TemplateError(this.#place, reason);
    if (!job.hasLeft) this.#options.log.warn(error.message);
    job.reject(error);
  }

  #spawn(): Renderer {
    const { context, init } = this.#options;
    const renderer = new Renderer(context, init);
    renderer.thread.onMessage((message) =>
      this.#receive(renderer, message as TextAnswer<PromptText>),
    );
    renderer.thread.onExit((why) => this.#exited(renderer, why));
    return renderer;
  }

  #receive(renderer: Renderer, message: TextAnswer<PromptText>): void {
    switch (message.type) {
      case "parsing":
        renderer.meter.begin();
        renderer.meter.at({ cpuMs: PARSE_MS, wallMs: MAX_WALL * PARSE_MS }, () =>
          this.#failed(renderer, `it is not parsed within ${PARSE_MS} ms of CPU time`, 1),
        );
        return;
      case "failed":
        this.#failed(renderer, message.error.message, 1);
        return;
      case "ready":
        renderer.meter.stop();
        renderer.isReady = true;
        this.#wasReady = true;
        this.#numFailures = 0;
        this.#opened.resolve();
        this.#isFree(renderer);
        return;
      case "answer":
        renderer.takeJob()?.resolve(message.value);
        this.#isFree(renderer);
        return;
      case "refusal":
        renderer.takeJob()?.reject(new RemoteError(message.error));
        this.#isFree(renderer);
        return;
      default:
        unreachable(message);
    }
  }

  #isFree(renderer: Renderer): void {
    if (renderer === this.#slow) this.#nextSlow();
    else this.#next();
  }

  #exited(renderer: Renderer, why: string): void {
    const reason = `its thread has ended: ${why}`;
    this.#fail(renderer, reason);
    if (!renderer.isReady) {
      this.#failed(renderer, reason, MAX_FAILURES);
      return;
    }
    this.#stop(renderer);
    this.#next();
  }

  /** It did not become ready, which may happen `maxFailures` times on end. A template that was parsed once is tried again. */
  #failed(renderer: Renderer, reason: string, maxFailures: number): void {
    this.#drop(renderer);
    if (++this.#numFailures < Math.max(maxFailures, this.#wasReady ? MAX_FAILURES : 0)) {
      this.#openSlowLane();
      this.#next();
      return;
    }
    this.#numFailures = 0;
    const error = new TemplateError(this.#place, reason);
    if (!this.#wasReady) this.#unusable = error;
    this.#options.log.error(`${error.message}; chats are refused, completions are served`);
    for (const job of this.#slowWaiting.drain()) {
      this.#slowRoom.release(job.tenant, 0);
      job.reject(error);
    }
    for (const { reject } of this.#waiting.drain()) reject(error);
    this.#opened.resolve();
  }

  get #place(): string {
    return this.#options.init.template?.place ?? "no template";
  }
}
