// KV events as Dynamo writes them (lib/llm/src/kv_router/protocols.rs, `RouterEvent`), one JSON text an event:
//
//   {"worker_id":3,"event":{"event_id":7,"data":{"stored":{"parent_hash":null,"blocks":[{"block_hash":1,"tokens_hash":1}]}}}}
//   {"worker_id":3,"event":{"event_id":8,"data":{"removed":{"block_hashes":[1]}}}}
//   {"worker_id":3,"event":{"event_id":9,"data":"cleared"}}
//
// Hashes are 64-bit integers, more than JSON.stringify can write of a number.

import type { KvEvent, KvEventData, KvReport } from "../protocol/kv-event.ts";

/** A snapshot is told as `cleared` and what is held, all with the id of the last event that is in it. */
export function routerEvents(workerId: number, report: KvReport): readonly string[] {
  if (report.type === "events") return report.events.map((event) => routerEvent(workerId, event));
  const { nextEventId, stored } = report.snapshot;
  const eventId = Math.max(0, nextEventId - 1);
  const all: readonly KvEventData[] = [{ type: "cleared" }, ...stored];
  return all.map((data) => routerEvent(workerId, { eventId, data }));
}

function routerEvent(workerId: number, { eventId, data }: KvEvent): string {
  return `{"worker_id":${workerId},"event":{"event_id":${eventId},"data":${dataJson(data)}}}`;
}

function dataJson(data: KvEventData): string {
  switch (data.type) {
    case "stored": {
      const blocks = data.blocks.map(
        ({ blockHash, tokensHash }) => `{"block_hash":${blockHash},"tokens_hash":${tokensHash}}`,
      );
      return `{"stored":{"parent_hash":${data.parentHash ?? null},"blocks":[${blocks.join()}]}}`;
    }
    case "removed":
      return `{"removed":{"block_hashes":[${data.blockHashes.join()}]}}`;
    case "cleared":
      return `"cleared"`;
  }
}
