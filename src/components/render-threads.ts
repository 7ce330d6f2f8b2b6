// Renders chat templates on side threads, since a template may never come to an end. A rendering that takes long while
// others wait keeps its thread, and they go on with a fresh one; at its limit it is ended with its thread.
//
//   queue --> the thread --answer-->
//               | longer than PATIENCE_MS, and others wait
//               v
//             slow threads (at most MAX_SLOW) --answer, or the limit-->

import type { ServiceContext, SideThread } from "dynamo";

import { unreachable } from "../base/assert.ts";
import { RemoteError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type ChatMessage, type RenderLimits, TemplateError } from "../tokenizer/chat-template.ts";
import type { PromptText } from "../tokenizer/special-texts.ts";
import type { RenderInit, RenderRequest, TextAnswer } from "../tokenizer/text-thread.ts";
import { TextQueueFullError } from "./text-queue-full.ts";

/** A rendering takes a millisecond at most as a rule. */
const PATIENCE_MS = 25;
const MAX_SLOW = 1;
/** A conversation of thousands of messages takes longer: a millisecond for so many, up to twice the limit more. */
const MESSAGES_PER_MS = 20;
const MAX_QUEUED = 256;
const PARSE_MS = 1000;
/** Threads that end one after another before they are ready. */
const MAX_FAILURES = 3;

interface Job extends RenderRequest {
  readonly resolve: (text: PromptText) => void;
  readonly reject: (error: Error) => void;
}

/** One thread. It has one job at a time. */
interface Renderer {
  readonly thread: SideThread;
  isReady: boolean;
  job: Job | undefined;
  /** When its job, or parsing, began. */
  since: number;
  timer: { cancel(): void } | undefined;
}

export interface RenderThreadsOptions {
  readonly context: Pick<ServiceContext, "sideThread" | "clock">;
  readonly log: Logger;
  readonly init: RenderInit;
  /** Of one rendering. */
  readonly timeoutMs: number;
}

export class RenderThreads {
  readonly #options: RenderThreadsOptions;
  readonly #queue: Job[] = [];
  readonly #slow: Renderer[] = [];
  #first: Renderer | undefined;
  /** Takes the first one's place. Kept ready once a rendering has taken long: another may. */
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

  /** Until the template is parsed, or known to be unusable: the log has why, and so has each chat. */
  open(): Promise<void> {
    this.#first = this.#spawn();
    return this.#opened.promise;
  }

  /** Rejects with `TemplateError`, `ChatTemplateError` (as they come from another thread) or `TextQueueFullError`. */
  render(messages: readonly ChatMessage[], limits: RenderLimits): Promise<PromptText> {
    if (this.#unusable !== undefined) return Promise.reject(this.#unusable);
    if (this.#queue.length >= MAX_QUEUED) {
      return Promise.reject(new TextQueueFullError("too many chats wait for their template"));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ id: this.#nextId++, messages, limits, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    this.#first ??= this.#spawn();
    const renderer = this.#first;
    if (!renderer.isReady) return;
    if (renderer.job !== undefined) this.#handOver();
    else this.#begin(renderer, this.#queue.shift());
  }

  #begin(renderer: Renderer, job: Job | undefined): void {
    if (job === undefined) return;
    const { clock } = this.#options.context;
    renderer.job = job;
    renderer.since = clock.now();
    renderer.timer = clock.after(PATIENCE_MS, () => this.#wait(renderer));
    const { id, messages, limits } = job;
    renderer.thread.post({ id, messages, limits } satisfies RenderRequest);
  }

  /** Its job takes long. */
  #wait(renderer: Renderer): void {
    const { context, timeoutMs } = this.#options;
    const numMessages = renderer.job?.messages.length ?? 0;
    const more = Math.min(2 * timeoutMs, Math.floor(numMessages / MESSAGES_PER_MS));
    renderer.timer = context.clock.after(Math.max(0, timeoutMs + more - PATIENCE_MS), () =>
      this.#overrun(renderer),
    );
    this.#handOver();
  }

  /** The first thread stays with a job that takes long, if others wait; they go on with a new one. */
  #handOver(): void {
    const { context } = this.#options;
    const first = this.#first;
    if (first?.job === undefined || this.#queue.length === 0) return;
    if (context.clock.now() - first.since < PATIENCE_MS) return;
    this.#slow.push(first);
    this.#first = undefined;
    this.#replaceFirst();
    const [oldest] = this.#slow;
    if (oldest !== undefined && this.#slow.length > MAX_SLOW) this.#overrun(oldest);
  }

  #overrun(renderer: Renderer): void {
    const ms = Math.round(this.#options.context.clock.now() - renderer.since);
    this.#end(renderer, `a rendering did not end within ${ms} ms`);
    if (this.#first === undefined) this.#replaceFirst();
  }

  #replaceFirst(): void {
    this.#first = this.#spare ?? this.#spawn();
    this.#spare = this.#spawn();
    this.#next();
  }

  /** Its job fails, and the thread ends. */
  #end(renderer: Renderer, reason: string): void {
    const error = new TemplateError(this.#place, reason);
    if (renderer.job !== undefined) this.#options.log.warn(error.message);
    renderer.job?.reject(error);
    this.#drop(renderer);
  }

  #drop(renderer: Renderer): void {
    renderer.timer?.cancel();
    renderer.thread.terminate();
    if (this.#first === renderer) this.#first = undefined;
    if (this.#spare === renderer) this.#spare = undefined;
    const index = this.#slow.indexOf(renderer);
    if (index >= 0) this.#slow.splice(index, 1);
  }

  #spawn(): Renderer {
    const { context, init } = this.#options;
    const thread = context.sideThread("text", init);
    const renderer: Renderer = {
      thread,
      isReady: false,
      job: undefined,
      since: context.clock.now(),
      timer: undefined,
    };
    thread.onMessage((message) => this.#receive(renderer, message as TextAnswer<PromptText>));
    thread.onExit((why) => this.#exited(renderer, why));
    return renderer;
  }

  #receive(renderer: Renderer, message: TextAnswer<PromptText>): void {
    switch (message.type) {
      case "parsing":
        renderer.timer = this.#options.context.clock.after(PARSE_MS, () =>
          this.#failed(renderer, `it is not parsed within ${PARSE_MS} ms`, 1),
        );
        return;
      case "failed":
        this.#failed(renderer, message.error.message, 1);
        return;
      case "ready":
        renderer.timer?.cancel();
        renderer.isReady = true;
        this.#wasReady = true;
        this.#numFailures = 0;
        this.#opened.resolve();
        this.#next();
        return;
      case "answer":
        renderer.job?.resolve(message.value);
        this.#done(renderer);
        return;
      case "refusal":
        renderer.job?.reject(new RemoteError(message.error));
        this.#done(renderer);
        return;
      default:
        unreachable(message);
    }
  }

  #done(renderer: Renderer): void {
    renderer.timer?.cancel();
    renderer.job = undefined;
    if (renderer === this.#first) this.#next();
    else this.#drop(renderer);
  }

  #exited(renderer: Renderer, why: string): void {
    const reason = `its thread has ended: ${why}`;
    this.#end(renderer, reason);
    if (renderer.isReady) this.#next();
    else this.#failed(renderer, reason, MAX_FAILURES);
  }

  /** It did not become ready, which may happen `maxFailures` times on end. A template that was parsed once is tried again. */
  #failed(renderer: Renderer, reason: string, maxFailures: number): void {
    this.#drop(renderer);
    if (++this.#numFailures < Math.max(maxFailures, this.#wasReady ? MAX_FAILURES : 0)) {
      this.#next();
      return;
    }
    this.#numFailures = 0;
    const error = new TemplateError(this.#place, reason);
    if (!this.#wasReady) this.#unusable = error;
    this.#options.log.error(`${error.message}; chats are refused, completions are served`);
    for (const { reject } of this.#queue.splice(0)) reject(error);
    this.#opened.resolve();
  }

  get #place(): string {
    return this.#options.init.template?.place ?? "no template";
  }
}
