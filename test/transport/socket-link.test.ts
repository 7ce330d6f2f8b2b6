// A second transport passes what the lanes pass, and carries a deployment: nothing in src/sdk knows which one it is.

import { expect, test } from "bun:test";

import { depends, graph, Service } from "dynamo";

import { deployInProcess } from "../sdk/deploy-in-process.ts";
import { linkSuite } from "./link.suite.ts";
import { SocketTransport } from "./socket-link.ts";

linkSuite("sockets", () => {
  const transport = new SocketTransport();
  return { transport, close: () => transport.close() };
});

class Bakery extends Service {
  #numBaked = 0;

  async *bake(count: number) {
    for (let i = 0; i < count; i++) yield { loaf: ++this.#numBaked };
  }
}

class Shop extends Service {
  bakery = depends(Bakery);
  #sold: number[] = [];

  override async start() {
    for await (const { loaf } of this.bakery.bake(100)) this.#sold.push(loaf);
    await this.context.registry.put("sold", String(this.#sold.length));
  }
}

test("services of a deployment call each other over sockets", async () => {
  const transport = new SocketTransport();
  const deployment = await deployInProcess(graph(Shop), { transport });
  expect((await deployment.registry.get("sold"))?.value).toBe("100");
  await deployment.stop();
  transport.close();
});
