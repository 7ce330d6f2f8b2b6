// For `--explain`: what an engine would fill of memory, before anything is loaded.

import { DynamoError } from "../../base/error.ts";
import { openModel } from "../../model/open-model.ts";
import { cacheUsage } from "../weight-cache.ts";
import { cacheDirectory } from "./cache-directory.ts";
import { chooseDevice, type DeviceDemand, toldOf } from "./choose-device.ts";
import type { ChosenDevice, EngineKeys, Environment } from "./engine-keys.ts";
import { adviceFor, planMemory } from "./memory-budget.ts";
import { withImage } from "./with-image.ts";

interface Footprint {
  readonly what: string;
  /** `undefined` where it cannot be known yet. */
  readonly bytes: number | undefined;
}

export async function engineFootprint(
  asked: EngineKeys,
  scale: Omit<DeviceDemand, "model" | "library">,
  environment: Environment,
): Promise<readonly Footprint[]> {
  if (asked.engine !== "native") return [];
  const plan = await planOf(asked, scale).catch((error: unknown) => {
    if (error instanceof DynamoError) return undefined; // the check before the start says what is wrong
    throw error;
  });
  if (!plan) return [{ what: `weights of ${asked.model}`, bytes: undefined }];
  const { budget, config, demand, chosen } = plan;
  const advice = adviceFor(budget, config, demand).map(({ flag, savedBytes }) => ({
    what: `saved by ${flag}`,
    bytes: savedBytes,
  }));
  const isShort = budget.needed > budget.free;
  return [
    ...deviceFootprint(chosen),
    { what: "weights, shared by all workers", bytes: budget.weights },
    {
      what: `${scale.numWorkers} x ${budget.numBlocks} KV blocks of ${config.blockSize} tokens, by ${budget.kvBy}, taken as they are used`,
      bytes: budget.kv,
    },
    { what: "workspace at most, taken as it is used", bytes: budget.workspace },
    { what: "total", bytes: budget.weights + budget.kv + budget.workspace },
    {
      what: (scale.numModels ?? 1) > 1 ? "free now, but for the other models" : "free now",
      bytes: budget.free,
    },
    ...(await cacheFootprint(config, environment)),
    ...(isShort
      ? [{ what: "missing: it will not start", bytes: budget.needed - budget.free }, ...advice]
      : []),
  ];
}

/** Lines on the GPU, or on why it is not used. The CPU goes without saying. */
function deviceFootprint({ gpu, because }: ChosenDevice): readonly Footprint[] {
  if (because !== undefined) return [{ what: toldOf(because), bytes: undefined }];
  if (gpu === undefined) return [];
  const { ordinal, name, capability, driver, totalBytes, sharesMemory } = gpu;
  const memory = sharesMemory ? ", memory shared with the CPU" : "";
  return [
    {
      what: `GPU ${ordinal}: ${name}, compute capability ${capability}, driver of CUDA ${driver}${memory}`,
      bytes: totalBytes,
    },
  ];
}

async function planOf(asked: EngineKeys, scale: Omit<DeviceDemand, "model" | "library">) {
  const { publishNativeLibrary } = await import("../native-library.ts");
  const model = await openModel(asked.model);
  const config = withImage(asked, model);
  const unplaced = { ...scale, library: publishNativeLibrary(), model };
  const chosen = chooseDevice(config, unplaced);
  const demand = { ...unplaced, gpu: chosen.gpu };
  return { config, demand, chosen, budget: planMemory(config, demand) };
}

async function cacheFootprint(
  { weightCache }: EngineKeys,
  environment: Environment,
): Promise<readonly Footprint[]> {
  const directory = cacheDirectory(environment);
  if (!weightCache || directory === undefined) return [];
  const { bytes, numFiles } = await cacheUsage(directory);
  return [{ what: `packed weights on disk, ${numFiles} files in ${directory}`, bytes }];
}
