import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { EmbeddedQueue, MAX_PENDING } from "../../src/queue/embedded-queue.ts";

describe("an item", () => {
  test("goes to one of those who wait, in order of both", async () => {
    const queue = new EmbeddedQueue();
    const first = queue.pull(1);
    const second = queue.pull(2);
    queue.publish("a");
    queue.publish("b");
    queue.publish("c");
    expect((await first).body).toBe("a");
    expect((await second).body).toBe("b");
    expect((await queue.pull(1)).body).toBe("c");
  });

  test("of a consumer that has ended goes to another, before all that came later", async () => {
    const queue = new EmbeddedQueue();
    for (const body of ["a", "b", "c"]) queue.publish(body);
    const [a] = [await queue.pull(1), await queue.pull(1)];
    queue.ack(a.id);
    queue.end(1);
    expect((await queue.pull(2)).body).toBe("b");
    expect((await queue.pull(2)).body).toBe("c");
  });

  test("is kept from a consumer that leaves", async () => {
    const queue = new EmbeddedQueue();
    void queue.pull(1);
    queue.leave(1);
    const other = queue.pull(2);
    queue.publish("a");
    expect((await other).body).toBe("a");
  });

  test("is refused where too many are pending; those that a consumer has do not count", async () => {
    const queue = new EmbeddedQueue();
    expect(queue.publish("a", { maxPending: 1 })).toBeDefined();
    expect(queue.publish("b", { maxPending: 1 })).toBeUndefined();
    await queue.pull(1);
    expect(queue.publish("b", { maxPending: 1 })).toBeDefined();
    expect(queue.publish("c", { maxPending: 0 })).toBeUndefined();
    while (queue.publish("more") !== undefined);
    let numPending = 0;
    while ((await queue.pull(1)).id < MAX_PENDING) numPending += 1;
    expect(numPending).toBe(MAX_PENDING - 2);
  });

  test("counts as pending while nobody has it", async () => {
    const queue = new EmbeddedQueue();
    const ids = ["a", "b", "c"].map((body) => queue.publish(body) ?? 0);
    const { id } = await queue.pull(1);
    expect(queue.numPending).toBe(2);
    queue.end(1);
    expect(queue.numPending).toBe(3);
    queue.ack(id);
    for (const one of ids) queue.remove(one);
    expect(queue.numPending).toBe(0);
  });

  test("is taken back only while it is pending", async () => {
    const queue = new EmbeddedQueue();
    const [a = 0, b = 0] = [queue.publish("a"), queue.publish("b")];
    const pulled = await queue.pull(1);
    queue.remove(a);
    queue.remove(b);
    queue.end(1);
    expect(await queue.pull(2)).toEqual(pulled);
    expect(queue.publish("c", { maxPending: 1 })).toBeDefined();
  });
});

const someMove = fc.record({
  type: fc.constantFrom("publish", "pull", "ack", "end"),
  who: fc.nat(3),
});
type Move = typeof someMove extends fc.Arbitrary<infer T> ? T : never;

test("in any order of all that, each item is done once and never held by two, oldest first", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someMove, { maxLength: 60 }), async (moves) => {
      const group = new Group();
      for (const move of moves) await group.make(move);
      await group.finish();
    }),
  );
});

/** Consumers 0 to 3 and what each has. */
class Group {
  readonly #queue = new EmbeddedQueue();
  readonly #held = [0, 1, 2, 3].map(() => new Set<number>());
  readonly #open = new Set<number>();

  async make({ type, who }: Move): Promise<void> {
    const held = this.#held[who] ?? new Set();
    const [oldest] = held;
    if (type === "publish") this.#open.add(this.#queue.publish("work") ?? 0);
    else if (type === "pull") void this.#queue.pull(who).then(({ id }) => this.#take(id, held));
    else if (type === "end") {
      held.clear();
      this.#queue.end(who);
    } else if (oldest !== undefined) {
      held.delete(oldest);
      this.#open.delete(oldest);
      this.#queue.ack(oldest);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Whoever still has something ends; one that is new gets all that is open. */
  async finish(): Promise<void> {
    for (const who of this.#held.keys()) this.#queue.leave(who);
    for (const who of this.#held.keys()) this.#queue.end(who);
    for (const id of this.#open) expect((await this.#queue.pull(9)).id).toBe(id);
    expect(this.#queue.numPending).toBe(0);
  }

  #take(id: number, held: Set<number>): void {
    expect(this.#held.some((one) => one.has(id))).toBe(false);
    held.add(id);
  }
}
