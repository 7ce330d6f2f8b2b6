// The world's side of loading weights: where packed weights are kept, and what people are told.

import { basename } from "node:path";
import type { Logger } from "../../base/log.ts";
import { Progress } from "../../base/progress.ts";
import type { LoadedFacts } from "../load-model.ts";
import type { NativeRunnerOptions } from "../native-runner.ts";
import { MIN_CACHED_BYTES, WeightCache } from "../weight-cache.ts";
import type { EngineKeys, EnginePlace } from "./engine-keys.ts";

export interface LoadWeightsOptions {
  readonly config: EngineKeys;
  readonly place: EnginePlace;
  readonly log: Logger;
  readonly follow: (work: Promise<void>) => void;
}

type LoadHooks = Pick<
  NativeRunnerOptions,
  "cache" | "clock" | "follow" | "onLoaded" | "onProgress"
>;

/** For the call that opens the runner; `end` afterwards, however it ended. */
export function loadHooks(options: LoadWeightsOptions): LoadHooks & { end(): void } {
  const { config, place, log, follow } = options;
  const { clock } = place;
  const directory = place.prepared.cacheDirectory;
  const isFirst = place.workerId === 1;
  const { weightCacheSize: maxBytes } = config;
  const begun = clock.now();
  const progress = new Progress({ what: `loading ${basename(config.model)}`, log, clock });
  return {
    clock,
    follow,
    ...(directory !== undefined && { cache: new WeightCache({ directory, log, clock, maxBytes }) }),
    onProgress: (done, total) => progress.report(done, total),
    onLoaded: (facts) => {
      log.info("weights loaded", describeLoad(facts, clock.now() - begun));
      if (directory === undefined && config.weightCache && isFirst) warnOfNoPlace(log, facts);
    },
    end: () => progress.end(),
  };
}

/** A service without a home: it serves all the same. */
function warnOfNoPlace(log: Logger, { from, imageBytes }: LoadedFacts): void {
  if (from !== "model" || imageBytes < MIN_CACHED_BYTES) return;
  log.warn(
    "packed weights are not cached, so the next start packs them again: neither XDG_CACHE_HOME nor HOME is set to an absolute path; set one, or serve an image that dynamo pack made",
  );
}

function describeLoad(facts: LoadedFacts, ms: number) {
  const { gpu, isa, numThreads, threadsBy, from, imageBytes, hugePageBytes } = facts;
  return {
    from,
    gpu,
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
