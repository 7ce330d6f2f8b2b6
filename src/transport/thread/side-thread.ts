// Side threads of actors, as Bun's workers inside a worker: they end when the actor's thread does, spinning or not.

import { Worker } from "node:worker_threads";
import type { SideThread } from "../../actor/side-thread.ts";
import { systemClock, type Timer } from "../../base/clock.ts";
import { currentThreadId, threadCpuMs } from "../../base/thread-time.ts";

/** The thread's first message. Bun has crashed where a thread was ended that still loaded. */
interface Hello {
  readonly hello: { readonly threadId: number | undefined };
}

/** Time that an end waits for a thread that still loads. */
const LOAD_MS = 2000;

/** For the thread itself: what it posts first. */
export function hello(): Hello {
  return { hello: { threadId: currentThreadId() } };
}

export class WorkerSideThread implements SideThread {
  readonly #worker: Worker;
  #state: "loading" | "running" | "ending" | "ended" = "loading";
  #isTerminated = false;
  #threadId: number | undefined;
  #why: string | undefined;
  /** Ends one that was terminated while it loads. */
  #timer: Timer | undefined;
  #receive = (_: unknown): void => {};
  #exited = (_: string): void => {};

  constructor(entry: URL, data: unknown) {
    this.#worker = new Worker(entry, { workerData: data });
    this.#worker.on("message", (message: unknown) => {
      if (this.#state === "loading")
        this.#loaded(message as Hello); // it is the first
      else if (!this.#isTerminated) this.#receive(message);
    });
    this.#worker.on("error", (error) => {
      this.#why ??= error instanceof Error ? error.message : String(error);
    });
    this.#worker.on("exit", (code) => this.#ended(code));
  }

  post(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#isTerminated) this.#worker.postMessage(message, [...transfer]);
  }

  onMessage(receive: (message: unknown) => void): void {
    this.#receive = receive;
  }

  onExit(receive: (why: string) => void): void {
    this.#exited = receive;
  }

  cpuMs(): number | undefined {
    return this.#threadId === undefined ? undefined : threadCpuMs(this.#threadId);
  }

  terminate(): void {
    if (this.#isTerminated || this.#state === "ended") return;
    this.#isTerminated = true;
    if (this.#state === "running") this.#end();
    else this.#timer = systemClock.after(LOAD_MS, () => this.#end());
  }

  #loaded({ hello }: Hello): void {
    this.#state = "running";
    this.#threadId = hello.threadId;
    if (this.#isTerminated) this.#end();
  }

  #end(): void {
    this.#timer?.cancel();
    this.#state = "ending";
    void this.#worker.terminate();
  }

  #ended(code: number): void {
    this.#timer?.cancel();
    this.#state = "ended";
    this.#threadId = undefined;
    if (!this.#isTerminated) this.#exited(this.#why ?? `it ended with code ${code}`);
  }
}
