// Side threads that do what a test says.

import type { SideThread } from "../../../src/actor/side-thread.ts";

export class FakeSideThread implements SideThread {
  readonly data: unknown;
  readonly posted: unknown[] = [];
  isTerminated = false;
  /** CPU time that it has had; undefined: the system does not tell. */
  workedMs: number | undefined = 0;
  #receive = (_: unknown): void => {};
  #exited = (_: string): void => {};

  constructor(data: unknown) {
    this.data = data;
  }

  post(message: unknown): void {
    this.posted.push(message);
  }

  onMessage(receive: (message: unknown) => void): void {
    this.#receive = receive;
  }

  onExit(receive: (why: string) => void): void {
    this.#exited = receive;
  }

  cpuMs(): number | undefined {
    return this.workedMs;
  }

  terminate(): void {
    this.isTerminated = true;
  }

  /** As if the thread had said it. */
  say(message: unknown): void {
    this.#receive(message);
  }

  crash(why: string): void {
    this.#exited(why);
  }
}

export interface FakeSideThreads {
  readonly threads: FakeSideThread[];
  sideThread(entry: string, data: unknown): SideThread;
}

export function fakeSideThreads(): FakeSideThreads {
  const threads: FakeSideThread[] = [];
  return {
    threads,
    sideThread(_entry, data) {
      const thread = new FakeSideThread(data);
      threads.push(thread);
      return thread;
    },
  };
}
