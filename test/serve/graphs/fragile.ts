// A worker that can be told to fail, and a door to tell it.

import { depends, Service } from "dynamo";

export class Fragile extends Service {
  #fragile = true;

  async slow() {
    await this.context.clock.sleep(50);
    return this.context.workerId;
  }

  refuse() {
    if (this.#fragile) throw new RangeError("not today");
  }

  /** The caller gets no answer: the instance ends before. */
  async die() {
    this.follow(Promise.reject(new Error("followed work failed")));
    await Promise.withResolvers().promise;
  }
}

export class Door extends Service {
  fragile = depends(Fragile);

  #server: Bun.Server<undefined> | undefined;
  #numSlow = 0;

  override async start() {
    this.#server = Bun.serve({
      port: 0,
      fetch: (request) => this.#answer(new URL(request.url)),
      error: (error) => Response.json({ code: Reflect.get(error, "code"), message: error.message }),
    });
    await this.context.registry.put("door", this.#server.url.origin);
  }

  override async stop() {
    await this.#server?.stop();
  }

  async #answer(url: URL) {
    const instance = this.fragile.instances.at(Number(url.searchParams.get("worker")) - 1);
    if (instance === undefined) return new Response("no such worker", { status: 404 });
    const worker = this.fragile.at(instance);
    switch (url.pathname) {
      case "/slow": {
        const answer = worker.slow();
        await this.context.registry.put("slow", String(++this.#numSlow));
        return new Response(String(await answer));
      }
      case "/refuse":
        return new Response(String(await worker.refuse()));
      case "/die":
        return new Response(String(await worker.die()));
      default:
        return new Response("no such route", { status: 404 });
    }
  }
}

export default Door.link(Fragile);
