// A worker that dies with a lease in its hands, and a witness that puts into the registry by which ways it has heard
// of that. Leases of the worker are not released before the test says so.

import { depends, type InstanceId, Service } from "dynamo";

/** The main thread's, where it is called and the test puts in what it does. */
export const cleanup = { release: async () => {} };

export class Mortal extends Service {
  #isMortal = true;

  static override release() {
    return cleanup.release();
  }

  override start() {
    this.follow(this.#work());
  }

  /** Goes on for as long as it lives. */
  async *items() {
    yield this.#isMortal;
    await Promise.withResolvers().promise;
  }

  async #work() {
    const { body } = await this.context.queue("work").pull();
    for await (const _ of this.context.refOf<Witness>(Number(body)).lend()) {
      this.follow(Promise.reject(new Error("died of its work")));
      await Promise.withResolvers().promise;
    }
  }
}

export class Witness extends Service {
  mortal = depends(Mortal);
  static override readonly leases = ["lend"];

  readonly #hasLent = Promise.withResolvers<void>();

  override async start() {
    const [victim = 0] = this.mortal.instances;
    this.follow(this.mortal.watchInstances(), (live) => {
      if (!live.includes(victim)) this.#hear("the list of instances");
    });
    this.follow(this.#call(victim));
    this.follow(this.#takeWork());
    this.follow(this.context.registry.watch("word"), () => this.#hearLast());
    await this.context.queue("work").publish(String(this.context.instanceId));
  }

  async *lend() {
    this.#hasLent.resolve();
    try {
      yield "what it is about";
    } finally {
      this.#hear("its lease");
    }
  }

  async #call(victim: InstanceId) {
    try {
      for await (const _ of this.mortal.at(victim).items());
    } catch {
      this.#hear("a call");
    }
  }

  async #takeWork() {
    await this.#hasLent.promise;
    await this.context.queue("work").pull();
    this.#hear("its work");
  }

  /** Whatever had been sent before has then arrived, and been heard. */
  async #hearLast() {
    for (let turn = 0; turn < 10; turn++) await this.context.clock.turn();
    this.#hear("the test");
  }

  #hear(way: string) {
    this.follow(this.context.registry.put(`heard/${way}`, ""));
  }
}

export default Witness.link(Mortal);
