// What all workers of a service must see alike, and what is done for them in the main thread.

import type { EndedInstance } from "dynamo";

import { freeMemory } from "./free-memory.ts";

export interface PreparedWorker {
  /** Path of the engine's library, the same for all threads; `undefined` where nothing computes. */
  readonly library: string | undefined;
  /** Memory that was free before the first worker started. */
  readonly freeBytes: number;
}

export async function prepareWorker(config: {
  readonly engine: "native" | "mocker";
}): Promise<PreparedWorker> {
  const freeBytes = freeMemory();
  if (config.engine === "mocker") return { library: undefined, freeBytes };
  const { publishNativeLibrary } = await import("../engine/native-library.ts");
  return { library: publishNativeLibrary(), freeBytes };
}

/** Frees what a dead worker held in the engine, after its running step has ended. */
export async function releaseWorker(
  { library }: PreparedWorker,
  { instanceId }: EndedInstance,
): Promise<void> {
  if (library === undefined) return;
  const { releaseOwner } = await import("../engine/native-runner.ts");
  releaseOwner(library, instanceId);
}
