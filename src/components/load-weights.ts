// What loading weights has to do with the world: where packed weights are kept, and what people are told.

import { basename } from "node:path";
import type { ServiceContext } from "dynamo";
import type { Logger } from "../base/log.ts";
import { Progress } from "../base/progress.ts";
import type { LoadedFacts, NativeRunnerOptions } from "../engine/native-runner.ts";
import { WeightCache } from "../engine/weight-cache.ts";
import type { PreparedWorker } from "./prepared-worker.ts";
import type { VllmWorkerConfig } from "./worker-config.ts";

export interface LoadWeightsOptions {
  readonly config: VllmWorkerConfig;
  readonly context: ServiceContext<PreparedWorker>;
  readonly log: Logger;
  readonly follow: (work: Promise<void>) => void;
}

type LoadHooks = Pick<
  NativeRunnerOptions,
  "cache" | "clock" | "follow" | "onLoaded" | "onProgress"
>;

/** For the call that opens the runner; `end` afterwards, however it ended. */
export function loadHooks(options: LoadWeightsOptions): LoadHooks & { end(): void } {
  const { config, context, log, follow } = options;
  const { clock } = context;
  const directory = context.prepared.cacheDirectory;
  const begun = clock.now();
  const progress = new Progress({ what: `loading ${basename(config.model)}`, log, clock });
  return {
    clock,
    follow,
    ...(directory !== undefined && { cache: new WeightCache({ directory, log, clock }) }),
    onProgress: (done, total) => progress.report(done, total),
    onLoaded: (facts) => log.info("weights loaded", describeLoad(facts, clock.now() - begun)),
    end: () => progress.end(),
  };
}

function describeLoad(facts: LoadedFacts, ms: number) {
  const { isa, numThreads, threadsBy, isCached, imageBytes, hugePageBytes } = facts;
  return {
    from: isCached ? "cache" : "model",
    megabytes: Math.round(imageBytes / 1e6),
    "in-huge-pages":
      hugePageBytes === undefined
        ? undefined
        : `${Math.round((100 * hugePageBytes) / imageBytes)} %`,
    isa,
    threads: numThreads,
    "threads-by": threadsBy,
    ms: Math.round(ms),
  };
}
