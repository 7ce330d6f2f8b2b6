// PrefillWorker: computes the prompts of workers, into their own KV blocks, and samples nothing.
//
//   VllmWorker --request id--> prefill queue --> PrefillWorker   (1) a prompt is to be computed
//   VllmWorker <--------prefill lease----------- PrefillWorker   (2) tokens and block numbers, until they are computed
//
// It owns no blocks and moves none. All that must be as in the workers, the model and the pool, it has from them.

import { configured, type Environment, type GraphView, Service, type ServiceView } from "dynamo";
import type { PreparedEngine } from "../../engine/open/engine-keys.ts";
import type { KvPool } from "../../engine/open/kv-pool.ts";
import { prepareWorker, releaseWorker, workerProgress } from "../worker/prepared-worker.ts";
import { PrefillWorkerConfig } from "./config.ts";
import type { PrefillLoop } from "./prefill-loop.ts";
import type { PoolOwner, PrefillRequester, PrefillRequestId } from "./prefill-messages.ts";

export class PrefillWorker extends Service<PreparedEngine> {
  config = configured(PrefillWorkerConfig);

  #loop!: PrefillLoop;

  static override prepare(config: PrefillWorkerConfig, environment: Environment) {
    return prepareWorker(config, environment);
  }

  static override progress = workerProgress;
  static override release = releaseWorker;

  static override validate(config: PrefillWorkerConfig, graph: GraphView) {
    const callers = graph.services.filter(({ edges }) =>
      [...edges.values()].flat().includes(graph.service),
    );
    return callers.flatMap((caller) => disagreements(config, caller));
  }

  static override async check({ engine }: PrefillWorkerConfig) {
    const { checkLibrary } = await import("../worker/check-model.ts");
    return checkLibrary(engine);
  }

  override async start(): Promise<void> {
    const [{ PrefillLoop }, { openPrefillRunner }] = await Promise.all([
      import("./prefill-loop.ts"),
      import("../../engine/open/open-prefill-runner.ts"),
    ]);
    const { config, context } = this;
    this.#loop = new PrefillLoop({
      queue: context.queue(this.#queueName),
      clock: context.clock,
      openRunner: (pool) => openPrefillRunner(pool, config, context),
      lease: ({ worker, request }) =>
        context.refOf<PrefillRequester>(worker).leasePrefill(request, context.instanceId),
      follow: (task) => this.follow(task),
    });
    for (let n = 0; n < config.maxNumSeqs; n++) this.follow(this.#loop.run());
  }

  override async stop(): Promise<void> {
    await this.#loop.close();
  }

  /** A worker begins with its part of a pool: makes ready for it, and returns the queue for its prefill requests. */
  async join(pool: KvPool, owner: PoolOwner): Promise<string> {
    await this.#loop.join(pool, owner);
    return this.#queueName;
  }

  /** A worker does not want a prompt any more. The lease ends soon. */
  async drop(id: PrefillRequestId): Promise<void> {
    this.#loop.drop(id);
  }

  get #queueName(): string {
    return `${this.context.namespace}_${this.context.service}_queue`;
  }
}

const SHARED = [
  "model",
  "engine",
  "blockSize",
  "maxModelLen",
  "quantization",
  "kvCacheDtype",
] as const;

function disagreements(config: PrefillWorkerConfig, caller: ServiceView) {
  return SHARED.flatMap((key) => {
    const [own, theirs] = [config[key], caller.config[key]];
    if (own === undefined || own === theirs) return [];
    const message = `it is ${JSON.stringify(own)} here and ${JSON.stringify(theirs)} in ${caller.name}, whose blocks are filled; leave it out or make them equal`;
    return [{ key, message }];
  });
}
