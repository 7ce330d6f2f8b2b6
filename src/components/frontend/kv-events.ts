// The KV events of all workers behind a service, whatever is between.

import type { FromInstance, ServiceContext } from "dynamo";

import type { KvReport } from "../../protocol/kv-event.ts";
import { mergeStreams } from "../dispatch/merge-streams.ts";
import { reachedFrom } from "../graph-paths.ts";
import type { VllmWorker } from "../worker/worker.ts";

const ENDPOINT = "kvEvents" satisfies keyof VllmWorker;

type Reports = AsyncIterableIterator<FromInstance<KvReport>>;

/** Cached blocks first, then what changes in them; workers that come later are included. `return()` acts at once. */
export function kvEventsOf(context: ServiceContext): Reports {
  const streams: Reports[] = [];
  const merged = mergedEvents(context, streams);
  const reports: Reports = {
    next: () => merged.next(),
    async return() {
      // A generator would hear of it after its pending `next()`.
      for (const stream of streams) await stream.return?.();
      return merged.return(undefined);
    },
    [Symbol.asyncIterator]: () => reports,
  };
  return reports;
}

async function* mergedEvents(
  { graph, service, clientOf }: ServiceContext,
  streams: Reports[],
): AsyncGenerator<FromInstance<KvReport>> {
  const workers = reachedFrom(graph, service).filter((one) => one.endpoints.includes(ENDPOINT));
  const clients = await Promise.all(workers.map(({ name }) => clientOf<VllmWorker>(name)));
  streams.push(...clients.map((client) => client.all().kvEvents()));
  yield* mergeStreams(streams);
}
