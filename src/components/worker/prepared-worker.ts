// Work of the main thread for the workers of a service: state that all must see alike, their pulse, their remains.

import type { EndedInstance, Environment, RunningInstance } from "dynamo";

import { cacheDirectory } from "../../engine/open/cache-directory.ts";
import type { EngineKind, MemoryShare, PreparedEngine } from "../../engine/open/engine-keys.ts";
import { freeForModel } from "../../engine/open/free-memory.ts";

interface PreparedConfig {
  readonly engine: EngineKind;
  /** A worker of prefill joins what others have loaded, and has no say in it. */
  readonly weightCache?: boolean;
}

export async function prepareWorker(
  { engine, weightCache = false }: PreparedConfig,
  environment: Environment,
  memory: MemoryShare = { freeBytes: freeForModel(), numModels: 1 },
): Promise<PreparedEngine> {
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
  { library }: PreparedEngine,
  { owner }: RunningInstance,
): number | undefined {
  return library === undefined ? undefined : readProgress?.(owner);
}

/** Frees what a dead worker held in the engine, after its running step has ended. */
export async function releaseWorker(
  { library }: PreparedEngine,
  { owner }: EndedInstance,
): Promise<void> {
  if (library === undefined) return;
  const { releaseOwner } = await import("../../engine/native-runner.ts");
  releaseOwner(library, owner);
}
