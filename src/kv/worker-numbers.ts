import { assert } from "../base/assert.ts";

/** Small numbers for workers, as scopes and array indices. That of a worker which is gone is used again. */
export class WorkerNumbers<W> {
  readonly #numbers = new Map<W, number>();
  readonly #workers: W[] = [];
  readonly #free: number[] = [];

  /** All numbers are below. */
  get end(): number {
    return this.#workers.length;
  }

  find(worker: W): number | undefined {
    return this.#numbers.get(worker);
  }

  /** The worker of a number that is in use. */
  at(number: number): W {
    const worker = this.#workers[number] as W;
    assert(this.#numbers.get(worker) === number, "a worker's number is used after its end");
    return worker;
  }

  add(worker: W): number {
    const known = this.#numbers.get(worker);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#workers.length;
    this.#workers[number] = worker;
    this.#numbers.set(worker, number);
    return number;
  }

  delete(worker: W): void {
    const number = this.#numbers.get(worker);
    if (number === undefined) return;
    this.#numbers.delete(worker);
    this.#free.push(number);
  }
}
