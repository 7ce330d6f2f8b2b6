// Memory that the other models of the process need: several that fit alone may not fit together.

import type { ServiceView } from "dynamo";
import * as v from "valibot";

import { DynamoError } from "../../base/error.ts";
import { publishNativeLibrary } from "../../engine/native-library.ts";
import { type Demand, type MemoryBudget, planMemory } from "../../engine/open/memory-budget.ts";
import { openModel } from "../../model/open-model.ts";
import { VllmWorkerConfig } from "./config.ts";

type Config = Pick<VllmWorkerConfig, "model" | "quantization">;

/** In bytes: what they cannot go without, weights that are shared with `own` or with each other once. */
export async function othersNeed(own: Config, others: readonly ServiceView[]): Promise<number> {
  const seen = new Set([weightsOf(own)]);
  let bytes = 0;
  for (const { name, numWorkers, config } of others) {
    const theirs = v.parse(v.object(VllmWorkerConfig.entries), config); // of a class that may have added keys
    const plan = await planOf(theirs, { service: name, numWorkers }).catch((error: unknown) => {
      if (error instanceof DynamoError) return undefined; // its own worker says what is wrong with it
      throw error;
    });
    if (!plan) continue;
    const { needed, weights } = plan;
    bytes += seen.has(weightsOf(theirs)) ? needed - weights : needed;
    seen.add(weightsOf(theirs));
  }
  return bytes;
}

async function planOf(
  config: VllmWorkerConfig,
  scale: Pick<Demand, "service" | "numWorkers">,
): Promise<MemoryBudget> {
  const model = await openModel(config.model);
  const quantization = model.packed?.quantization ?? config.quantization;
  const library = publishNativeLibrary();
  return planMemory({ ...config, quantization }, { ...scale, library, model, freeBytes: 0 });
}

function weightsOf({ model, quantization }: Config): string {
  return JSON.stringify([model, quantization]);
}
