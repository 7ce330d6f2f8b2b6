// The KV events of all workers behind a service, whatever is between.

import type { FromInstance, ServiceContext } from "dynamo";

import type { KvReport } from "../../protocol/kv-event.ts";
import { mergeStreams } from "../dispatch/merge-streams.ts";
import { reachedFrom } from "../graph-paths.ts";
import type { VllmWorker } from "../worker/worker.ts";

const ENDPOINT = "kvEvents" satisfies keyof VllmWorker;

/** Cached blocks first, then what changes in them; workers that come later are included. */
export async function* kvEventsOf({
  graph,
  service,
  clientOf,
}: ServiceContext): AsyncGenerator<FromInstance<KvReport>> {
  const workers = reachedFrom(graph, service).filter((one) => one.endpoints.includes(ENDPOINT));
  const clients = await Promise.all(workers.map(({ name }) => clientOf<VllmWorker>(name)));
  yield* mergeStreams(clients.map((client) => client.all().kvEvents()));
}
