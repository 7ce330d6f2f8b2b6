// The life of an instance: what happens before it can be found, and how it ends.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import * as v from "valibot";

import { systemClock } from "../../src/base/clock.ts";
import { configured, depends, type EndedInstance, Graph, Service } from "../../src/sdk/index.ts";
import { ManualClock } from "../manual-clock.ts";
import {
  beginInProcess,
  deployInProcess,
  type InProcessDeployment,
  nthInstance,
  type PlanOptions,
} from "./deploy-in-process.ts";

let steps: string[] = [];
let deployment: InProcessDeployment | undefined;

async function run(graph: Graph, options: PlanOptions & { readonly clock?: ManualClock } = {}) {
  deployment = await deployInProcess(graph, options);
  return deployment;
}

beforeEach(() => {
  steps = [];
});
afterEach(async () => {
  await deployment?.stop();
  deployment = undefined;
});

class Source extends Service {
  #source = true;
  /** Items until it is left. */
  async *items(): AsyncGenerator<number> {
    for (let n = 0; ; n++) yield n;
  }
  isSource() {
    return this.#source;
  }
}

describe("start", () => {
  test("ends before the endpoints are in the registry", async () => {
    class Slow extends Service {
      #slow = true;
      override async start() {
        const { keyValues } = await this.context.registry.range("instances/");
        steps.push(`start sees ${keyValues.length}`);
        await this.context.clock.turn();
        steps.push("start ends");
      }
      isSlow() {
        return this.#slow;
      }
    }
    const { registry } = await run(Graph.of(Slow));
    expect(steps).toEqual(["start sees 0", "start ends"]);
    const { keyValues } = await registry.range("");
    expect(keyValues.map(({ key }) => key)).toEqual([
      `instances/test/Slow/isSlow:${nthInstance(1).toString(16)}`,
    ]);
  });

  test("finds its dependencies live and its configuration read", async () => {
    class Reader extends Service {
      config = configured(v.strictObject({ port: v.number() }));
      source = depends(Source);
      override async start() {
        steps.push(`port ${this.config.port}`, `${this.source.instances.length} sources`);
        steps.push(`source: ${await this.source.isSource()}`);
      }
    }
    await run(Graph.of(Reader), { config: { Reader: { port: 81 } }, workers: { Source: 2 } });
    expect(steps).toEqual(["port 81", "2 sources", "source: true"]);
  });

  test("that throws ends the deployment with the reason, and what had started is stopped", async () => {
    class Before extends Service {
      override stop() {
        steps.push("stopped");
      }
    }
    class Broken extends Service {
      before = depends(Before);
      override start() {
        throw new Error("no such file");
      }
    }
    await expect(run(Graph.of(Broken))).rejects.toThrow("no such file");
    expect(steps).toEqual(["stopped"]);
  });

  test("gets a context that says where it runs", async () => {
    class Where extends Service {
      override start() {
        const { service, workerId, numWorkers, namespace, instanceId } = this.context;
        steps.push(`${service}:${workerId} of ${numWorkers} in ${namespace}, id ${instanceId}`);
      }
    }
    await run(Graph.of(Where), { workers: { Where: 2 } });
    expect(steps).toEqual([1, 2].map((n) => `Where:${n} of 2 in test, id ${nthInstance(n)}`));
  });
});

describe("follow", () => {
  test("ends the instance when its task fails, and it comes back under a new id", async () => {
    class Fragile extends Service {
      #task = Promise.withResolvers<void>();
      override start() {
        steps.push(`start ${this.context.instanceId}`);
        this.follow(this.#task.promise);
        fail = () => this.#task.reject(new Error("task failed"));
      }
      isFragile() {
        return this.#task !== undefined;
      }
    }
    let fail = () => {};
    const { registry, logLines } = await run(Graph.of(Fragile));
    const key = "instances/test/Fragile/isFragile:";
    fail();
    await until(
      async () => (await registry.get(`${key}${nthInstance(2).toString(16)}`)) !== undefined,
    );
    expect(steps).toEqual([1, 2].map((n) => `start ${nthInstance(n)}`));
    expect(await registry.get(`${key}${nthInstance(1).toString(16)}`)).toBeUndefined();
    expect(logLines.join("")).toContain("task failed");
  });

  test("calls back for each item, one after the other, and leaves the loop on stop", async () => {
    class Follower extends Service {
      source = depends(Source);
      #seen = 0;
      override start() {
        this.follow(this.source.items(), async (item) => {
          expect(item).toBe(this.#seen++);
          await this.context.clock.turn();
          if (item === 2) steps.push("saw 2");
        });
      }
      override stop() {
        steps.push("stop");
      }
    }
    const { stop } = await run(Graph.of(Follower));
    await until(() => steps.includes("saw 2"));
    await stop.call(deployment);
    expect(steps).toEqual(["saw 2", "stop"]);
  });

  test("ends the instance when the callback throws", async () => {
    class Picky extends Service {
      source = depends(Source);
      override start() {
        steps.push(`start ${this.context.instanceId}`);
        if (steps.length > 1) return;
        this.follow(this.source.items(), (item) => {
          if (item === 1) throw new Error("I do not like 1");
        });
      }
    }
    await run(Graph.of(Picky));
    await until(() => steps.length === 2);
    expect(steps).toEqual([2, 3].map((n) => `start ${nthInstance(n)}`));
  });
});

describe("stop", () => {
  test("goes from the entry down, each after its calls have ended", async () => {
    class Bottom extends Service {
      #bottom = true;
      override stop() {
        steps.push("bottom stops");
      }
      async work() {
        await this.context.clock.turn();
        steps.push("work done");
        return this.#bottom;
      }
    }
    class Top extends Service {
      bottom = depends(Bottom);
      override start() {
        this.bottom.work().then(() => steps.push("answer came"));
      }
      override async stop(deadlineMs: number) {
        expect(deadlineMs).toBeGreaterThan(0);
        await until(() => steps.includes("answer came"));
        steps.push("top stops");
      }
    }
    const { stop } = await run(Graph.of(Top));
    await stop.call(deployment);
    expect(steps).toEqual(["work done", "answer came", "top stops", "bottom stops"]);
  });

  test("takes the instance out of the registry before anything else", async () => {
    class Polite extends Service {
      #polite = true;
      override async stop() {
        const { keyValues } = await this.context.registry.range("instances/");
        steps.push(`${keyValues.length} keys`);
      }
      isPolite() {
        return this.#polite;
      }
    }
    const { stop } = await run(Graph.of(Polite));
    await stop.call(deployment);
    expect(steps).toEqual(["0 keys"]);
  });

  test("that comes while an instance starts waits for its start, and nobody finds it", async () => {
    const { promise: loaded, resolve: load } = Promise.withResolvers<void>();
    class Loading extends Service {
      #model = "none yet";
      override async start() {
        await this.context.registry.put("loading", "");
        steps.push("starting");
        await loaded;
        this.#model = "model";
      }
      override async stop() {
        const { keyValues } = await this.context.registry.range("instances/");
        steps.push(`${this.#model} closed, ${keyValues.length} keys`);
      }
      model() {
        return this.#model;
      }
    }
    deployment = beginInProcess(Graph.of(Loading));
    const failure = deployment.ready.then(
      () => "ready",
      (error: Error) => error.message,
    );
    await until(() => steps.includes("starting"));
    const stopped = deployment.stop();
    const { registry } = deployment; // the order has come: what the instance had put there is gone
    await until(async () => (await registry.get("loading")) === undefined);
    load();
    await stopped;
    expect(await failure).toBe("the start was interrupted by a stop");
    expect(steps).toEqual(["starting", "model closed, 0 keys"]);
    expect(deployment.logLines.filter((line) => line.includes("ERROR"))).toEqual([]);
  });

  test("does not call stop() of an instance whose start() does not end", async () => {
    class Hanging extends Service {
      #hangs = true;
      override start() {
        steps.push("starting");
        return new Promise<void>(() => {});
      }
      override stop() {
        steps.push("stopped");
      }
      hangs() {
        return this.#hangs;
      }
    }
    deployment = beginInProcess(Graph.of(Hanging));
    deployment.ready.catch(() => undefined);
    await until(() => steps.includes("starting"));
    await deployment.stop();
    expect(steps).toEqual(["starting"]);
    expect(deployment.logLines.filter((line) => /ERROR|WARN/.test(line))).toEqual([]);
  });

  test("leaves no actor, and ends the registry's watches", async () => {
    const { host, registry, stop, ended } = await run(Graph.of(Source), { workers: { Source: 3 } });
    const watch = registry.watch("instances/");
    const watching = Array.fromAsync(watch, ({ events }) => events.map(({ type }) => type));
    expect(host.running.size).toBe(3);
    await stop.call(deployment);
    expect(host.running.size).toBe(0);
    expect(await ended).toBeUndefined();
    const bothEndpoints: ("put" | "delete")[] = ["delete", "delete"];
    expect(await watching).toEqual([bothEndpoints, bothEndpoints, bothEndpoints]);
  });
});

describe("hooks", () => {
  test("prepare runs once and before all; release after each instance that ended", async () => {
    class Native extends Service<{ readonly handle: number }> {
      #native = true;
      static override prepare(config: { readonly path: string }) {
        steps.push(`prepare ${config.path}`);
        return { handle: 7 };
      }
      static override release(prepared: { readonly handle: number }, ended: EndedInstance) {
        steps.push(`release ${prepared.handle} of ${ended.owner}, ${ended.instanceId}`);
      }
      override start() {
        steps.push(`start with ${this.context.prepared.handle}`);
        if (this.context.owner === 2) this.follow(crash.promise);
      }
      isNative() {
        return this.#native;
      }
    }
    const crash = Promise.withResolvers<void>();
    const { registry, stop } = await run(Graph.of(Native), {
      workers: { Native: 2 },
      config: { Native: { path: "/model" } },
    });
    crash.reject(new Error("crash"));
    const third = `instances/test/Native/isNative:${nthInstance(3).toString(16)}`;
    await until(async () => (await registry.get(third)) !== undefined);
    await stop.call(deployment);
    expect(steps).toEqual([
      "prepare /model",
      "start with 7",
      "start with 7",
      `release 7 of 2, ${nthInstance(2)}`,
      "start with 7",
      `release 7 of 3, ${nthInstance(3)}`,
      `release 7 of 1, ${nthInstance(1)}`,
    ]);
  });

  test("a prepare that throws is why the deployment does not start", async () => {
    class Native extends Service {
      static override prepare() {
        throw new Error("library missing");
      }
    }
    await expect(run(Graph.of(Native))).rejects.toThrow("library missing");
  });
});

describe("context", () => {
  test("what a service puts into the registry vanishes with it", async () => {
    class Announcer extends Service {
      override async start() {
        const watch = this.context.registry.watch("settings/");
        await this.context.registry.put("models/tiny", "{}");
        await this.context.registry.put("settings/mode", "random");
        const { value } = await watch.next();
        steps.push(value?.events[0]?.type);
        await watch.return();
        expect(await watch.next()).toMatchObject({ done: true });
        expect(await this.context.registry.get("models/tiny")).toMatchObject({ value: "{}" });
        await this.context.registry.delete("settings/mode");
      }
    }
    const { registry, stop } = await run(Graph.of(Announcer));
    expect(steps).toEqual(["put"]);
    expect((await registry.range("")).keyValues).toMatchObject([{ key: "models/tiny", lease: 1 }]);
    await stop.call(deployment);
    expect((await registry.range("")).keyValues).toEqual([]);
  });

  test("scrape adds up the metrics of all instances, and has the runtime's", async () => {
    class Counting extends Service {
      #counting = true;
      override async start() {
        const { Counter, registry } = await this.context.metrics();
        const registers = [registry];
        new Counter({ name: "things_total", help: "Things.", registers }).inc(
          this.context.workerId,
        );
      }
      isCounting() {
        return this.#counting;
      }
      refuse() {
        throw new Error("no");
      }
    }
    let text = "";
    class Scraper extends Service {
      counting = depends(Counting);
      override async start() {
        await this.counting.all().isCounting();
        await this.counting
          .all()
          .refuse()
          .catch(() => undefined);
        for (const job of ["one", "two"]) await this.context.queue("jobs").publish(job);
        text = await this.context.scrape();
      }
    }
    await run(Graph.of(Scraper), { workers: { Counting: 2 } });
    const lines = text.split("\n");
    expect(lines).toContain("things_total 3");
    expect(lines).toContain('dynamo_runtime_calls_total{service="Counting",worker="1"} 2');
    expect(lines).toContain(
      'dynamo_runtime_endpoint_errors_total{service="Counting",worker="2"} 1',
    );
    expect(lines).toContain('dynamo_runtime_mailbox_depth{service="Counting",worker="2"} 0');
    expect(lines).toContain('dynamo_runtime_open_lanes{service="Scraper",worker="1"} 2');
    expect(lines).toContain('dynamo_runtime_restarts_total{service="Counting"} 0');
    expect(lines).toContain("# TYPE dynamo_runtime_restarts_total counter");
    expect(lines).toContain('dynamo_runtime_queue_depth{queue="jobs"} 2');
    expect(lines).toContain("# TYPE dynamo_runtime_queue_depth gauge");
  });

  test("scrape does not wait for an instance that does not answer", async () => {
    const clock = new ManualClock();
    class Deaf extends Service {
      override async start() {
        // A gauge whose value never comes: as deaf as a step in native code.
        const { Gauge, registry } = await this.context.metrics();
        const registers = [registry];
        new Gauge({ name: "deaf", help: "Deaf.", registers, collect: () => new Promise(() => {}) });
      }
    }
    let scraping: Promise<string> | undefined;
    class Scraper extends Service {
      deaf = depends(Deaf);
      override start() {
        scraping = this.context.scrape();
      }
    }
    await run(Graph.of(Scraper), { clock });
    await clock.advance(1000);
    const text = await scraping;
    expect(text).toContain('dynamo_runtime_mailbox_depth{service="Scraper",worker="1"} 0');
    expect(text).not.toContain('service="Deaf",worker');
  });
});

test("a field that the graph leaves unbound says so when it is touched", async () => {
  class Choosy extends Service {
    source = depends(Source);
    override start() {
      try {
        void this.source.instances;
      } catch (error) {
        steps.push(String(error));
      }
    }
  }
  class Root extends Service {
    choosy = depends(Choosy);
  }
  await run(Root.link(Choosy));
  expect(steps[0]).toContain("the client of Source is not bound");
});

/** Turns of the event loop, until it holds. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

describe("a work queue", () => {
  class Crew extends Service {
    #done = 0;
    override start() {
      this.follow(this.#work());
    }
    isCrew() {
      return this.#done;
    }
    /** The first worker dies of each item that says so. */
    async #work() {
      const queue = this.context.queue("jobs");
      for (;;) {
        const { id, body } = await queue.pull();
        if (body === "deadly" && this.context.workerId === 1) throw new Error("died of it");
        queue.ack(id);
        steps.push(`${this.context.workerId}: ${body}`);
      }
    }
  }
  class Office extends Service {
    crew = depends(Crew);
    #office = true;
    publish(body: string) {
      return this.#office && this.context.queue("jobs").publish(body);
    }
    /** An instance by the number that stood in an item. */
    ask(instance: number) {
      return this.context.refOf<Crew>(instance).isCrew();
    }
  }
  class Street extends Service {
    office = depends(Office);
    #street = true;
    override async start() {
      for (const body of ["easy", "deadly", "easy"]) await this.office.publish(body);
      const { keyValues } = await this.context.registry.range("instances/test/Crew/");
      const instance = Number.parseInt(keyValues[0]?.key.split(":")[1] ?? "", 16);
      steps.push(`asked: ${typeof (await this.office.ask(instance))}`);
    }
    isStreet() {
      return this.#street;
    }
  }

  test("gives an item to one worker, and to another when that has ended before it was done", async () => {
    await run(Graph.of(Street).link(Office).link(Crew), { workers: { Crew: 2 } });
    for (let turn = 0; turn < 20; turn++) await systemClock.turn();
    const done = steps.filter((step) => step !== "asked: number").map((step) => step.slice(3));
    expect(done.toSorted()).toEqual(["deadly", "easy", "easy"]);
    expect(steps).toContain("2: deadly");
    expect(steps).toContain("asked: number");
  });
});
