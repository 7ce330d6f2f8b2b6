// Settings that change while services run.

import { afterEach, describe, expect, test } from "bun:test";
import * as v from "valibot";

import { systemClock } from "../../src/base/clock.ts";
import { EmbeddedRegistry } from "../../src/registry/embedded-registry.ts";
import { configured, depends, Graph, type GraphView, Service } from "../../src/sdk/index.ts";
import { deployInProcess, type InProcessDeployment } from "./deploy-in-process.ts";

class Worker extends Service {
  config = configured(
    v.strictObject({
      mode: v.optional(v.picklist(["slow", "fast"]), "slow"),
      maxSpeed: v.optional(v.pipe(v.number(), v.minValue(1)), 10),
      size: v.optional(v.number(), 1),
    }),
  );
  static override readonly live = ["mode", "maxSpeed"];

  static override validate(config: { readonly mode: string }, graph: GraphView) {
    const numWorkers = graph.services.find(({ name }) => name === "Worker")?.numWorkers ?? 0;
    const isAlone = config.mode === "fast" && numWorkers < 2;
    return isAlone ? [{ key: "mode", message: "fast needs two workers" }] : [];
  }

  seen() {
    const { mode, maxSpeed, size } = this.config;
    return { mode, maxSpeed, size };
  }

  crash() {
    this.follow(Promise.reject(new Error("crashed")));
  }
}

class Door extends Service {
  worker = depends(Worker);

  list() {
    return this.context.settings.list();
  }

  set(service: string, key: string, value: unknown) {
    return this.context.settings.set({ service, key, value });
  }

  async seen() {
    return (await this.worker.all().seen()).map(({ value }) => value);
  }

  crashOne() {
    return this.worker.crash();
  }

  live() {
    return this.worker.instances;
  }
}

class Caller extends Service {
  door = depends(Door);
  static door: Caller["door"];

  override start() {
    Caller.door = this.door;
  }
}

let deployment: InProcessDeployment | undefined;
afterEach(() => deployment?.stop());

async function deployed(workers = 2) {
  const config = { Worker: { mode: "slow", maxSpeed: 10, size: 1 } };
  deployment = await deployInProcess(Graph.of(Caller).link(Door).link(Worker), {
    workers: { Worker: workers },
    config,
  });
  return Caller.door;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

describe("a key that a service names in `live`", () => {
  test("changes in every instance, and in those that start later", async () => {
    const door = await deployed();
    await door.set("Worker", "mode", "fast");
    await door.set("Worker", "max-speed", 20); // the same in kebab case
    const wanted = { mode: "fast" as const, maxSpeed: 20, size: 1 };
    const allSeeIt = async () => Bun.deepEquals(await door.seen(), [wanted, wanted]);
    await until(allSeeIt);
    const before = await door.live();
    await door.crashOne();
    await until(async () => {
      const now = await door.live();
      return now.length === 2 && !Bun.deepEquals(now, before);
    });
    expect(await door.seen()).toEqual([wanted, wanted]);
    expect(await door.list()).toEqual([
      { service: "Worker", key: "mode", value: "fast" },
      { service: "Worker", key: "max-speed", value: 20 },
      { service: "Caller", key: "log-level", value: "error" },
      { service: "Door", key: "log-level", value: "error" },
      { service: "Worker", key: "log-level", value: "error" },
    ]);
  });

  test("is a watched key of the registry", async () => {
    const door = await deployed();
    await door.set("Worker", "mode", "fast");
    const value = (await deployment?.registry.get("settings/test/Worker/mode"))?.value;
    expect(value).toBe('"fast"');
  });

  test("takes only what its schema allows, and what the service says of it", async () => {
    const door = await deployed(1);
    const wrong = async (key: string, value: unknown) => door.set("Worker", key, value);
    await expect(wrong("max-speed", 0)).rejects.toThrow(
      "Worker.max-speed must be at least 1, not 0",
    );
    await expect(wrong("mode", "fst")).rejects.toThrow('must be "slow" or "fast", not "fst"');
    await expect(wrong("mode", "fast")).rejects.toThrow("Worker.mode: fast needs two workers");
    expect(await door.seen()).toEqual([{ mode: "slow", maxSpeed: 10, size: 1 }]);
  });

  test("is the only kind that changes; the error names those that there are", async () => {
    const door = await deployed();
    const set = async (service: string, key: string) => door.set(service, key, 2);
    await expect(set("Worker", "size")).rejects.toThrow("it has: mode, max-speed");
    await expect(set("Door", "mode")).rejects.toThrow("it has: log-level");
    await expect(set("Wrker", "mode")).rejects.toThrow('Did you mean "Worker"');
  });
});

test("settings of an earlier process are taken before any instance starts; those that do not fit are forgotten", async () => {
  const registry = new EmbeddedRegistry({ clock: systemClock });
  const stored = { mode: '"fast"', maxSpeed: "20", size: "9", maxSped: "1", logLevel: '"loud"' };
  for (const [key, value] of Object.entries(stored)) {
    await registry.put(`settings/test/Worker/${key}`, value);
  }
  deployment = await deployInProcess(Graph.of(Caller).link(Door).link(Worker), {
    workers: { Worker: 2 },
    config: { Worker: { mode: "slow", maxSpeed: 10, size: 1 } },
    registry,
  });
  const wanted = { mode: "fast" as const, maxSpeed: 20, size: 1 };
  expect(await Caller.door.seen()).toEqual([wanted, wanted]);
  const worker = (await Caller.door.list()).filter(({ service }) => service === "Worker");
  expect(worker.map(({ value }) => value)).toEqual(["fast", 20, "error"]);
  const { keyValues } = await registry.range("settings/");
  expect(keyValues.map(({ key }) => key.slice("settings/test/Worker/".length))).toEqual([
    "maxSpeed",
    "mode",
  ]);
  const log = deployment.logLines.join("");
  expect(log).toContain("Worker.mode is as it was set before");
  expect(log).toContain("a stored setting is forgotten: Worker has no setting");
});

test("a key in `live` that the schema has not is a fault of the class", () => {
  class Wrong extends Service {
    config = configured(v.strictObject({ size: v.number() }));
    static override readonly live = ["sise"];
  }
  expect(() => Graph.of(Wrong)).toThrow("Wrong.live names sise");
});
