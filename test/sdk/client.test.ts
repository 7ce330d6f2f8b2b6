import { afterEach, describe, expect, test } from "bun:test";

import { errorCode } from "../../src/base/error.ts";
import {
  depends,
  type FromInstance,
  Graph,
  graph,
  type InstanceId,
  isLinked,
  type Ref,
  Service,
} from "../../src/sdk/index.ts";
import {
  deployInProcess,
  type InProcessDeployment,
  type PlanOptions,
} from "./deploy-in-process.ts";

class Worker extends Service {
  static override leases = ["hold"] as const;

  #held = 0;
  #steps: string[] = [];

  whoAmI() {
    return this.context.workerId;
  }
  async *count(to: number) {
    for (let n = 0; n < to; n++) yield n;
  }
  /** One event, then silence until it is left. */
  events(): AsyncIterableIterator<number> {
    const { promise: left, resolve } = Promise.withResolvers<IteratorResult<number>>();
    const results = [Promise.resolve({ done: false, value: this.context.workerId })];
    this.#held++;
    return {
      next: () => results.shift() ?? left,
      return: () => {
        this.#held--;
        resolve({ done: true, value: undefined });
        return left;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
  /** A lease: what it holds is held while the caller's loop body runs. */
  async *hold() {
    this.#held++;
    this.#steps.push("held");
    try {
      yield { worker: this.context.instanceId };
      this.#steps.push("resumed");
    } finally {
      this.#held--;
    }
  }
  held() {
    return { held: this.#held, steps: this.#steps };
  }
  async *forever(): AsyncGenerator<number> {
    this.#held++;
    try {
      for (let n = 0; ; n++) yield n;
    } finally {
      this.#held--;
    }
  }
  refuse(): never {
    throw new RangeError("not today");
  }
  die(): Promise<void> {
    this.follow(Promise.reject(new Error("followed work failed")));
    return new Promise(() => {});
  }
  sum(ids: Int32Array) {
    return ids.reduce((a, b) => a + b, 0);
  }
}

class Broker extends Service {
  worker = depends(Worker);
  async pick(): Promise<{ readonly nested: readonly { readonly worker: Ref<Worker> }[] }> {
    const [first = 0] = this.worker.instances;
    return { nested: [{ worker: this.worker.at(first).ref }] };
  }
  async *offers() {
    for (const instance of this.worker.instances) yield this.worker.at(instance).ref;
  }
  async *relay() {
    for await (const { value } of this.worker.all().events()) yield value;
  }
  /** Hands calls on without looking at their answers. */
  whoIsIt() {
    return this.worker.whoAmI();
  }
  askNobody() {
    return this.worker.at(9999).whoAmI();
  }
  countOn(to: number) {
    return this.worker.count(to);
  }
  allEvents() {
    return this.worker.all().events();
  }
  everybody() {
    return this.worker.all().whoAmI();
  }
  async callBack(worker: Ref<Worker>) {
    return { who: await worker.whoAmI(), instance: worker.instance };
  }
}

/** The test itself, as a service. */
class Caller extends Service {
  worker = depends(Worker);
  broker = depends(Broker);
  #caller = true;

  override start() {
    caller = this;
  }
  lookUp(service: string) {
    return this.context.clientOf<Worker>(service);
  }
  byId(instance: InstanceId) {
    return this.context.refOf<Worker>(instance);
  }
  get graph() {
    return this.context.graph;
  }
  isCaller() {
    return this.#caller;
  }
}

let caller: Caller;
let deployment: InProcessDeployment;

async function run(options: PlanOptions & { readonly random?: () => number } = {}) {
  deployment = await deployInProcess(Graph.of(Caller), options);
  return { worker: caller.worker, broker: caller.broker };
}

afterEach(() => deployment.stop());

describe("a call", () => {
  test("to a method is a promise", async () => {
    const { worker } = await run();
    expect(await worker.whoAmI()).toBe(1);
    expect(await worker.sum(Int32Array.of(1, 2, 3))).toBe(6);
  });

  test("to a generator is a stream", async () => {
    const { worker } = await run();
    expect(await Array.fromAsync(worker.count(100))).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
  });

  test("that the endpoint refuses fails with what it threw, and the endpoint lives on", async () => {
    const { worker } = await run();
    expect(await failureOf(worker.refuse())).toMatchObject({
      code: "internal",
      message: "not today",
    });
    expect(await worker.whoAmI()).toBe(1);
  });

  test("to no endpoint says which there are", async () => {
    const { worker } = await run();
    const unknown: () => Promise<unknown> = Reflect.get(worker, "whoAreYou");
    expect(await failureOf(unknown())).toMatchObject({
      code: "no_such_endpoint",
      message: expect.stringContaining("it has: whoAmI, count"),
    });
  });

  test("to a method of Service itself is refused", async () => {
    const { worker } = await run();
    for (const name of ["start", "stop", "follow"]) {
      const method: () => Promise<unknown> = Reflect.get(worker, name);
      expect(await failureOf(method())).toMatchObject({ code: "no_such_endpoint" });
    }
  });

  test("whose endpoint returns another call has the answer of that one", async () => {
    const { broker } = await run();
    expect(await broker.whoIsIt()).toBe(1);
    expect(await Array.fromAsync(broker.countOn(3))).toEqual([0, 1, 2]);
    expect(await broker.everybody()).toMatchObject([{ value: 1 }]);
    for await (const { value } of broker.allEvents()) {
      expect(value).toBe(1);
      break;
    }
  });

  test("that is left runs the endpoint's finally", async () => {
    const { worker } = await run();
    for await (const n of worker.forever()) if (n === 3) break;
    await until(async () => (await worker.held()).held === 0);
  });
});

describe("instances", () => {
  test("are those in the registry, oldest first", async () => {
    const { worker } = await run({ workers: { Worker: 3 } });
    expect(worker.instances).toHaveLength(3);
    expect(worker.instances.toSorted((a, b) => a - b)).toEqual([...worker.instances]);
    const { keyValues } = await deployment.registry.range("instances/test/Worker/whoAmI:");
    expect(keyValues.map(({ key }) => Number.parseInt(key.split(":")[1] ?? "", 16))).toEqual([
      ...worker.instances,
    ]);
  });

  test("random takes what the generator says, and is the default", async () => {
    const draws = [0, 0.4, 0.99, 0.4];
    const { worker } = await run({ workers: { Worker: 3 }, random: () => draws.shift() ?? 0 });
    const seen = [await worker.whoAmI(), await worker.whoAmI(), await worker.random().whoAmI()];
    expect(seen).toEqual([1, 2, 3]);
  });

  test("round-robin takes each in turn", async () => {
    const { worker } = await run({ workers: { Worker: 3 } });
    const seen: number[] = [];
    for (let index = 0; index < 6; index++) seen.push(await worker.roundRobin().whoAmI());
    expect(seen).toEqual([1, 2, 3, 1, 2, 3]);
  });

  test("at takes the one that is named", async () => {
    const { worker } = await run({ workers: { Worker: 2 } });
    for (const [index, instance] of worker.instances.entries()) {
      expect(await worker.at(instance).whoAmI()).toBe(index + 1);
    }
    expect(await failureOf(worker.at(9999).whoAmI())).toMatchObject({ code: "actor_down" });
  });

  test("of somebody who is alive and calls a dead one leaves the living in the list", async () => {
    const { broker } = await run();
    const before = broker.instances;
    expect(await failureOf(broker.askNobody())).toMatchObject({ code: "actor_down" });
    expect(broker.instances).toEqual(before);
    expect((await broker.pick()).nested.length).toBe(1);
  });

  test("all gathers the answers of each", async () => {
    const { worker } = await run({ workers: { Worker: 3 } });
    expect(await worker.all().whoAmI()).toEqual(
      worker.instances.map((instance, index) => ({ instance, value: index + 1 })),
    );
  });

  test("all merges the streams of each, and of those that come later", async () => {
    const { worker } = await run({ workers: { Worker: 2 } });
    const events = worker.all().events();
    const seen = [await take(events), await take(events)];
    expect(seen.map(({ value }) => value).sort()).toEqual([1, 2]);
    const [old = 0] = worker.instances;

    worker.at(old).die().catch(errorCode);
    const reborn = await take(events);
    expect(reborn.value).toBe(1);
    expect(reborn.instance).toBeGreaterThan(old);

    const pending = events.next();
    await events.return?.();
    expect(await pending).toMatchObject({ done: true });
  });

  test("all is left together with the call that made it", async () => {
    const { worker, broker } = await run({ workers: { Worker: 2 } });
    const relay = broker.relay();
    await relay.next();
    await relay.next();
    const pending = failureOf(relay.next().then(({ done }) => done));
    await relay.return?.();
    expect(await pending).toBe(true);
    await until(async () => (await worker.all().held()).every(({ value }) => value.held === 0));
  });

  test("none live is an error that says so", async () => {
    const { worker } = await run({ workers: { Worker: 0 } });
    const none = { code: "no_workers", message: expect.stringContaining("no instance of Worker") };
    expect(await failureOf(worker.whoAmI())).toMatchObject(none);
    expect(await failureOf(worker.roundRobin().whoAmI())).toMatchObject(none);
    expect(await failureOf(Array.fromAsync(worker.count(3)))).toMatchObject(none);
    expect(await worker.all().whoAmI()).toEqual([]);
  });

  test("can be watched: now, and after each change", async () => {
    const { worker } = await run({ workers: { Worker: 2 } });
    const changes = worker.watchInstances();
    expect((await changes.next()).value).toEqual(worker.instances);
    const [old = 0] = worker.instances;
    const dying = failureOf(worker.at(old).die());
    expect((await changes.next()).value).not.toContain(old);
    await dying;
    await changes.return?.();
    expect(await changes.next()).toMatchObject({ done: true });
  });

  test("that died are replaced, under new ids", async () => {
    const { worker } = await run({ workers: { Worker: 2 } });
    const [old = 0, other = 0] = worker.instances;
    const dying = failureOf(worker.at(old).die());
    await until(() => !worker.instances.includes(old));
    const instances = await worker.waitForInstances(2);
    expect(instances).toContain(other);
    expect(instances).not.toContain(old);
    expect(await dying).toMatchObject({ code: "actor_down" });
    expect(await worker.all().whoAmI()).toMatchObject([{ value: 2 }, { value: 1 }]);
  });
});

describe("a service to which there is no link", () => {
  class Outsider extends Service {
    caller = depends(Caller);
  }

  test("is found in the graph and called, by one client for all who ask", async () => {
    deployment = await deployInProcess(Graph.of(Outsider), { workers: { Worker: 2 } });
    expect(caller.graph.map(({ name }) => name)).toEqual([
      "Worker",
      "Broker",
      "Caller",
      "Outsider",
    ]);
    expect(caller.graph.at(-1)?.edges).toEqual(new Map([["caller", ["Caller"]]]));
    const worker = await caller.lookUp("Worker");
    expect((await worker.all().whoAmI()).map(({ value }) => value)).toEqual([1, 2]);
    expect(await caller.lookUp("Worker")).toBe(worker);
  });
});

describe("several services that are linked to one field", () => {
  class Other extends Worker {}
  class Hub extends Service {
    workers = depends(Worker, "several");
    spare = depends(Broker, "optional");

    override start() {
      hub = this;
    }
  }
  let hub: Hub;

  test("are clients by their names; what is optional may be unlinked", async () => {
    deployment = await deployInProcess(graph(Hub.link(Other), Hub.link(Worker)));
    expect([...hub.workers.keys()]).toEqual(["Other", "Worker"]);
    for (const worker of hub.workers.values()) expect(await worker.whoAmI()).toBe(1);
    expect(isLinked(hub.workers)).toBe(true);
    expect(isLinked(hub.spare)).toBe(false);
  });
});

describe("a reference", () => {
  test("travels in an answer, however deep, and can be called", async () => {
    const { worker, broker } = await run({ workers: { Worker: 2 } });
    const { nested } = await broker.pick();
    expect(await nested[0]?.worker.whoAmI()).toBe(1);
    expect(nested[0]?.worker.instance).toBe(worker.instances[0]);
  });

  test("travels in a stream", async () => {
    const { broker } = await run({ workers: { Worker: 2 } });
    const offers = await Array.fromAsync(broker.offers());
    expect(await Promise.all(offers.map((offer) => offer.whoAmI()))).toEqual([1, 2]);
  });

  test("travels in an argument, also one that has travelled before", async () => {
    const { worker, broker } = await run({ workers: { Worker: 2 } });
    const [, second = 0] = worker.instances;
    expect(await broker.callBack(worker.at(second).ref)).toEqual({ who: 2, instance: second });
    const { nested } = await broker.pick();
    const [offer] = nested;
    if (offer) expect(await broker.callBack(offer.worker)).toMatchObject({ who: 1 });
  });

  test("cannot be made from JSON", async () => {
    const { broker } = await run();
    const forged = JSON.parse('{"dyn:ref": 1, "service": "Worker"}');
    expect(await failureOf(broker.callBack(forged))).toMatchObject({ code: "internal" });
  });
});

describe("a lease", () => {
  test("is held exactly as long as the loop's body runs", async () => {
    const { worker } = await run();
    for await (const _ of worker.hold()) {
      expect(await worker.held()).toEqual({ held: 1, steps: ["held"] });
    }
    expect(await worker.held()).toEqual({ held: 0, steps: ["held", "resumed"] });
  });

  test("ends when the body throws", async () => {
    const { worker } = await run();
    const use = async () => {
      for await (const _ of worker.hold()) throw new Error("body failed");
    };
    await expect(use()).rejects.toThrow("body failed");
    await until(async () => (await worker.held()).held === 0);
    expect(await worker.held()).toMatchObject({ steps: ["held"] });
  });
});

async function take<T>(events: AsyncIterator<FromInstance<T>>): Promise<FromInstance<T>> {
  const result = await events.next();
  if (result.done) throw new Error("the stream has ended");
  return result.value;
}

/** A call is no native promise, so `rejects` does not take it. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return error;
  }
}

/** Turns of the event loop, until it holds. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

describe("an instance that left the registry and still runs", () => {
  async function runUnlisted() {
    const { worker } = await run();
    const [instance = 0] = worker.instances;
    await deployment.registry.txn({
      compare: [],
      success: [{ type: "deletePrefix", prefix: "instances/test/Worker/" }],
    });
    for await (const live of worker.watchInstances()) if (live.length === 0) break;
    return { worker, instance };
  }

  test("is reached by its id, as a value and as a stream", async () => {
    const { worker, instance } = await runUnlisted();
    expect(await worker.at(instance).whoAmI()).toBe(1);
    const ref = caller.byId(instance);
    expect(await ref.whoAmI()).toBe(1);
    const items: number[] = [];
    for await (const n of ref.count(3)) items.push(n);
    expect(items).toEqual([0, 1, 2]);
  });

  test("is reached by a reference to it that travels", async () => {
    const { worker, instance } = await runUnlisted();
    const { broker } = caller;
    expect(await broker.callBack(worker.at(instance).ref)).toEqual({ who: 1, instance });
    expect(await broker.callBack(caller.byId(instance))).toEqual({ who: 1, instance });
  });

  test("is not called by a reader that has left before it was found", async () => {
    const { instance } = await runUnlisted();
    const ref = caller.byId(instance);
    await ref.forever().return?.();
    expect(await ref.held()).toMatchObject({ held: 0 });
  });
});

test("an id that no instance has is down, however it is called", async () => {
  const { worker } = await run();
  for (const ref of [worker.at(5), caller.byId(5)]) {
    expect(await Promise.resolve(ref.whoAmI()).catch(errorCode)).toBe("actor_down");
    const [reading] = await Promise.allSettled([ref.count(1).next()]);
    expect(errorCode(reading?.status === "rejected" && reading.reason)).toBe("actor_down");
  }
});
