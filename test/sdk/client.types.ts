// Checked by tsc: what a field, a call and a link are to the compiler.

import * as v from "valibot";

import {
  type Client,
  type Clients,
  type ConfigProblem,
  configured,
  type DependencyOf,
  depends,
  type FromInstance,
  Graph,
  type GraphView,
  graph,
  type InstanceId,
  type Ref,
  Service,
} from "../../src/sdk/index.ts";

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._proof: Equal<A, B> extends true ? [] : [never]): void {}

interface Job {
  readonly ids: Int32Array;
}

abstract class Worker extends Service {
  #isWorker = true;
  abstract generate(job: Job): AsyncIterable<number>;
  isWorker() {
    return this.#isWorker;
  }
}

class FastWorker extends Worker {
  config = configured(
    v.strictObject({
      blockSize: v.pipe(v.number(), v.integer()),
      name: v.optional(v.string(), "fast"),
    }),
  );
  static override leases = ["hold"] as const;
  #load = 0;

  override start() {
    same<typeof this.config, { readonly blockSize: number; readonly name: string }>();
    // @ts-expect-error a configuration is read-only
    this.config.blockSize = 2;
  }
  override async *generate(job: Job): AsyncGenerator<number> {
    yield job.ids.length + this.#load;
  }
  async *hold(): AsyncGenerator<{ readonly worker: Ref<FastWorker> }> {}
  async load(): Promise<number> {
    return this.#load;
  }
  numBlocks(of: string, limit?: number) {
    return of.length + (limit ?? 0);
  }
  async *"chat/completions"(text: string): AsyncGenerator<string> {
    yield text;
  }
  protected hidden() {}
}

class Other extends Service {
  #other = true;
  isOther() {
    return this.#other;
  }
}

class Router extends Service {
  worker = depends(Worker);
  #router = true;
  route() {
    return this.#router;
  }
}

class Front extends Service {
  worker = depends(FastWorker);
  router = depends(Router);
  #front = true;
  isFront() {
    return this.#front;
  }
}

declare const worker: Client<FastWorker>;
declare const job: Job;

// A generator is a stream, anything else a promise; arguments stay as they are.
same<typeof worker.generate, (job: Job) => AsyncIterableIterator<number>>();
same<typeof worker.load, () => Promise<number>>();
same<typeof worker.numBlocks, (of: string, limit?: number) => Promise<number>>();
worker["chat/completions"]("text") satisfies AsyncIterableIterator<string>;
depends(FastWorker) satisfies Client<FastWorker>;

// @ts-expect-error a number is no job
worker.generate(1);
// @ts-expect-error start() is not an endpoint
worker.start();
// @ts-expect-error neither is a field
worker.config;
// @ts-expect-error nor what is protected
worker.hidden();
// @ts-expect-error what does not exist cannot be called
worker.gnereate(job);

// Modes: the same endpoints, chosen otherwise.
worker.random().load() satisfies Promise<number>;
worker.roundRobin().generate(job) satisfies AsyncIterableIterator<number>;
worker.at(7).generate(job) satisfies AsyncIterableIterator<number>;
worker.at(7).ref satisfies Ref<FastWorker>;
worker.all().generate(job) satisfies AsyncIterableIterator<FromInstance<number>>;
worker.all().load() satisfies Promise<readonly FromInstance<number>[]>;
worker.instances satisfies readonly InstanceId[];
worker.waitForInstances() satisfies Promise<readonly InstanceId[]>;
// @ts-expect-error at() has chosen already
worker.at(7).roundRobin();

// A reference is called like any client, also where it came in a stream.
async function useLease() {
  for await (const { worker: held } of worker.hold()) {
    held.generate(job) satisfies AsyncIterableIterator<number>;
    held.instance satisfies InstanceId;
  }
}
void useLease;

// An abstract class is a dependency like any other.
declare const router: Router;
router.worker.generate(job) satisfies AsyncIterableIterator<number>;
// @ts-expect-error an abstract Worker has no load()
router.worker.load();

// Links.
same<DependencyOf<Front>, FastWorker | Router>();
same<DependencyOf<Other>, never>();
Front.link(Router).link(FastWorker) satisfies Graph<FastWorker>;
graph(Front.link(Router).link(FastWorker), Front.link(FastWorker)) satisfies Graph;
graph(Front) satisfies Graph;
// @ts-expect-error Front does not depend on Other
Front.link(Other);
// @ts-expect-error Other depends on nothing
Other.link(Front);
// @ts-expect-error Router depends on Worker, not on Front
Front.link(Router).link(Front);
// @ts-expect-error a graph is made by link() and graph()
new Graph(Front, Front, []);
// @ts-expect-error a service is not an instance
depends(new Other());
// @ts-expect-error a configuration is a strict object
configured(v.object({ port: v.number() }));

// Names that a client needs cannot be endpoints.
class Clash extends Service {
  // @ts-expect-error `at` is a word of the client
  at() {}
  // @ts-expect-error so is `instances`
  instances() {}
}
void Clash;

// Hooks have the types of their service.
interface Prepared {
  readonly handle: number;
}
class Native extends Service<Prepared> {
  static override async prepare(config: { readonly path: string }): Promise<Prepared> {
    return { handle: config.path.length };
  }
  static override release(prepared: Prepared, { instanceId }: { readonly instanceId: number }) {
    void [prepared.handle, instanceId];
  }
  static override validate(
    config: { readonly path: string },
    view: GraphView,
  ): readonly ConfigProblem[] {
    return config.path === view.entry ? [{ key: "path", message: "must not be the entry" }] : [];
  }
  override start() {
    this.context.prepared satisfies Prepared;
    this.context.workerId satisfies number;
  }
  override async stop(deadlineMs: number) {
    await this.context.clock.sleep(deadlineMs);
  }
}
depends(Native) satisfies Client<Native>;

class Hub extends Service {
  workers = depends(Worker, "several");
  spare = depends(Worker, "optional");
  #isHub = true;
  isHub() {
    return this.#isHub;
  }
}
same<Hub["workers"], Clients<Worker>>();
same<Hub["spare"], Client<Worker>>();
same<DependencyOf<Hub>, Worker>();
same<ReturnType<Hub["workers"]["get"]>, Client<Worker> | undefined>();
Hub.link(FastWorker);
