// One decision of a router in a line of its log:
//
//   routed request=chatcmpl-... mode=kv tokens=100 blocks=6 worker=4 overlap=5 considered="4: overlap 5, new 20, queued 0, active 6, cost 20; 5: ..."

import type { InstanceId } from "dynamo";

import type { LogFields } from "../../base/log.ts";
import type { Routing } from "../../kv/kv-router.ts";
import type { RouteQuery } from "./routing.ts";

/** Units: blocks of overlap and active ones, tokens of new and queued ones; the cost is in its policy's own. */
export function explainRouting(
  { requestId, numTokens, chain }: RouteQuery,
  mode: string,
  { worker, overlapBlocks, considered }: Routing<InstanceId>,
): LogFields {
  return {
    request: requestId,
    mode,
    tokens: numTokens,
    blocks: chain.length,
    worker,
    overlap: overlapBlocks,
    considered: considered.map(explainCandidate).join("; "),
  };
}

function explainCandidate(one: Routing<InstanceId>["considered"][number]): string {
  const { worker, overlapBlocks, newTokens, load, cost } = one;
  return (
    `${worker}: overlap ${overlapBlocks}, new ${newTokens}, queued ${load.prefillTokens}, ` +
    `active ${load.activeBlocks}, cost ${Math.round(cost * 1000) / 1000}`
  );
}
