// State that all workers of a service must see alike, and what is done for them in the main thread.

import type { EndedInstance, Environment, RunningInstance } from "dynamo";

import { cacheDirectory } from "./cache-directory.ts";
import type { ChosenDevice } from "./choose-device.ts";
import type { EngineKind } from "./config.ts";
import { freeForModel } from "./free-memory.ts";

interface PreparedConfig {
  readonly engine: EngineKind;
  /** A worker of prefill joins what others have loaded, and has no say in it. */
  readonly weightCache?: boolean;
}

/** A model's part of the memory that the process could fill before the first worker started. */
export interface MemoryShare {
  /** All but what the other models of the process need. */
  readonly freeBytes: number;
  /** Models of the process: each takes as many KV blocks as leave room for those of the others. */
  readonly numModels: number;
}

export interface PreparedWorker {
  /** Path of the engine's library, the same for all threads; `undefined` where nothing computes. */
  readonly library: string | undefined;
  readonly memory: MemoryShare;
  /** The device of all workers; `undefined` where a worker has it from others, or nothing computes. */
  readonly device?: ChosenDevice | undefined;
  /** Folder of packed weights; `undefined` where they are not kept. */
  readonly cacheDirectory: string | undefined;
}

export async function prepareWorker(
  { engine, weightCache = false }: PreparedConfig,
  environment: Environment,
  memory: MemoryShare = { freeBytes: freeForModel(), numModels: 1 },
): Promise<PreparedWorker> {
  if (engine !== "native") return { library: undefined, memory, cacheDirectory: undefined };
  const [{ publishNativeLibrary }, { progressReader }] = await Promise.all([
    import("../../engine/native-library.ts"),
    import("../../engine/native-runner.ts"),
  ]);
  const library = publishNativeLibrary();
  readProgress = progressReader(library);
  const directory = weightCache ? cacheDirectory(environment) : undefined;
  return { library, memory, cacheDirectory: directory };
}

/** Reader of the main thread: loaded by `prepareWorker`, since the heartbeat does not wait for an import. */
let readProgress: ((owner: number) => number | undefined) | undefined;

/** A worker that waits for a native step cannot answer; the step itself tells whether it goes on. */
export function workerProgress(
  { library }: PreparedWorker,
  { owner }: RunningInstance,
): number | undefined {
  return library === undefined ? undefined : readProgress?.(owner);
}

/** Frees what a dead worker held in the engine, after its running step has ended. */
export async function releaseWorker(
  { library }: PreparedWorker,
  { owner }: EndedInstance,
): Promise<void> {
  if (library === undefined) return;
  const { releaseOwner } = await import("../../engine/native-runner.ts");
  releaseOwner(library, owner);
}
