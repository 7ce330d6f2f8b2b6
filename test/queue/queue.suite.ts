// Claims that every implementation of work queues must keep. Each calls this with a way to open fresh, empty ones.

import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";

import type { ItemId, QueueMember, WorkQueue, WorkQueues } from "../../src/queue/work-queue.ts";
import { hangLimit } from "../time-limits.ts";

export interface QueuesUnderTest {
  readonly queues: WorkQueues;
  /** The limit of items that are pending in one queue. */
  readonly maxPending: number;
}

export function queueSuite(name: string, open: () => Promise<QueuesUnderTest>): void {
  let queues: WorkQueues;
  let maxPending: number;
  let one: Member;
  let two: Member;

  beforeEach(async () => {
    ({ queues, maxPending } = await open());
    one = new Member(queues, 1);
    two = new Member(queues, 2);
  });

  const numPending = async () => (await queues.numPending())["work"] ?? 0;

  describe(`${name}: an item`, () => {
    test("goes to one of those who wait, in order of both", async () => {
      const [first, second] = [one.work.pull(), two.work.pull()];
      for (const body of ["a", "b", "c"]) await one.work.publish(body);
      expect((await first).body).toBe("a");
      expect((await second).body).toBe("b");
      expect((await one.work.pull()).body).toBe("c");
    });

    test("goes to those who pull from its queue, and no other", async () => {
      const other = one.member.queue("other");
      const pulled = other.pull();
      await one.work.publish("work");
      await other.publish("other");
      expect((await pulled).body).toBe("other");
      expect((await two.work.pull()).body).toBe("work");
    });

    test("of a consumer that has ended goes to another, before all that came later", async () => {
      for (const body of ["a", "b", "c"]) await one.work.publish(body);
      const [a] = [await one.work.pull(), await one.work.pull()];
      one.work.ack(a.id);
      one.member.end();
      expect((await two.work.pull()).body).toBe("b");
      expect((await two.work.pull()).body).toBe("c");
    });

    test("is kept from a consumer that leaves, also if it pulls again", async () => {
      void one.work.pull().then(() => expect.unreachable());
      one.member.leave();
      void one.work.pull().then(() => expect.unreachable());
      const other = two.work.pull();
      await two.work.publish("a");
      expect((await other).body).toBe("a");
    });

    test("that a consumer has when it leaves may still be acked", async () => {
      await one.work.publish("a");
      const { id } = await one.work.pull();
      one.member.leave();
      one.work.ack(id);
      one.member.end();
      expect(await numPending()).toBe(0);
    });

    test("is acked by the consumer that has it, and no other", async () => {
      await one.work.publish("a");
      const { id } = await one.work.pull();
      two.work.ack(id);
      one.member.end();
      expect((await two.work.pull()).id).toBe(id);
    });

    test("is refused where too many are pending; those that a consumer has do not count", async () => {
      expect(await one.work.publish("a", { maxPending: 1 })).toBeDefined();
      expect(await one.work.publish("b", { maxPending: 1 })).toBeUndefined();
      await one.work.pull();
      expect(await one.work.publish("b", { maxPending: 1 })).toBeDefined();
      expect(await one.work.publish("c", { maxPending: 0 })).toBeUndefined();
      while ((await one.work.publish("more")) !== undefined);
      expect(await numPending()).toBe(maxPending);
    });

    test("counts as pending while no consumer has it", async () => {
      const ids: ItemId[] = [];
      for (const body of ["a", "b", "c"]) ids.push((await one.work.publish(body)) ?? 0);
      await one.work.pull();
      expect(await numPending()).toBe(2);
      one.member.end();
      expect(await numPending()).toBe(3);
      for (const id of ids) two.work.remove(id);
      expect(await numPending()).toBe(0);
    });

    test("is taken back only while it is pending", async () => {
      const [a = 0, b = 0] = [await one.work.publish("a"), await one.work.publish("b")];
      const pulled = await one.work.pull();
      two.work.remove(a);
      two.work.remove(b);
      one.member.end();
      expect(await two.work.pull()).toEqual(pulled);
      expect(await numPending()).toBe(0);
    });
  });

  test(
    `${name}: in any order of all that, each item is done once and never held by two, oldest first`,
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(someMove, { maxLength: 60 }), async (moves) => {
          const group = new Group((await open()).queues);
          for (const move of moves) await group.make(move);
          await group.finish();
        }),
      );
    },
    hangLimit(60_000),
  );
}

class Member {
  readonly member: QueueMember;
  readonly work: WorkQueue;

  constructor(queues: WorkQueues, consumer: number) {
    this.member = queues.join(consumer);
    this.work = this.member.queue("work");
  }
}

const someMove = fc.record({
  type: fc.constantFrom("publish", "pull", "ack", "end"),
  who: fc.nat(3),
});
type Move = typeof someMove extends fc.Arbitrary<infer T> ? T : never;

/** Four consumers and what each has. One that ends is followed by another of its place. */
class Group {
  readonly #queues: WorkQueues;
  readonly #places: { member: Member; held: Set<ItemId> }[];
  readonly #open = new Set<ItemId>();
  #lastConsumer = 0;

  constructor(queues: WorkQueues) {
    this.#queues = queues;
    this.#places = [0, 1, 2, 3].map(() => this.#place());
  }

  async make({ type, who }: Move): Promise<void> {
    const place = this.#places[who] ?? this.#place();
    const { member, held } = place;
    const [oldest] = held;
    if (type === "publish") this.#open.add((await member.work.publish("work")) ?? 0);
    else if (type === "pull") void member.work.pull().then(({ id }) => this.#take(id, held));
    else if (type === "end") {
      held.clear();
      member.member.end();
      Object.assign(place, this.#place());
    } else if (oldest !== undefined) {
      held.delete(oldest);
      this.#open.delete(oldest);
      member.work.ack(oldest);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** All end; one that is new gets all that is open. */
  async finish(): Promise<void> {
    for (const { member } of this.#places) member.member.leave();
    for (const { member } of this.#places) member.member.end();
    const last = this.#place().member;
    for (const id of this.#open) expect((await last.work.pull()).id).toBe(id);
    expect((await this.#queues.numPending())["work"] ?? 0).toBe(0);
  }

  #place() {
    return { member: new Member(this.#queues, ++this.#lastConsumer), held: new Set<ItemId>() };
  }

  #take(id: ItemId, held: Set<ItemId>): void {
    expect(this.#places.some((one) => one.held.has(id))).toBe(false);
    held.add(id);
  }
}
