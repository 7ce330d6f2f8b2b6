// KV events as Dynamo writes them (lib/llm/src/kv_router/protocols.rs, `RouterEvent`), one JSON text an event:
//
//   {"worker_id":3,"event":{"event_id":0,"data":{"stored":{"parent_hash":null,"blocks":[{"block_hash":1,"tokens_hash":1}]}}}}
//   {"worker_id":3,"event":{"event_id":1,"data":{"removed":{"block_hashes":[1]}}}}
//   {"worker_id":3,"event":{"event_id":2,"data":"cleared"}}
//
// Hashes are 64-bit integers, more than JSON.stringify can write of a number.

import type { KvEventData, KvReport } from "../protocol/kv-event.ts";

/**
 * The events of one stream. Their ids count what the stream has told, over all workers, from 0: a snapshot is several
 * events (`cleared`, and what is held) that have no ids at the worker, and two workers' ids are the same numbers.
 */
export class RouterEvents {
  #nextEventId = 0;

  of(workerId: number, report: KvReport): readonly string[] {
    return dataOf(report).map((data) => {
      const event = `{"event_id":${this.#nextEventId++},"data":${dataJson(data)}}`;
      return `{"worker_id":${workerId},"event":${event}}`;
    });
  }
}

function dataOf(report: KvReport): readonly KvEventData[] {
  if (report.type === "events") return report.events.map(({ data }) => data);
  return [{ type: "cleared" }, ...report.snapshot.stored];
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
