import { availableParallelism } from "node:os";
import { MessageChannel } from "node:worker_threads";

import { Transferred } from "../../actor/control-port.ts";
import type { OfferLink } from "../switchboard.ts";
import { createLaneMemory, type LaneOffer } from "./lane.ts";

/**
 * Links between threads of this process: both ends get the same two rings, crossed, and one port each. With fewer
 * actors than `numCores` an idle one may look into its lanes for a moment before it sleeps.
 */
export function offerLanes(numCores: number = availableParallelism()): OfferLink {
  return (caller, callee, numActors) => {
    const forth = createLaneMemory();
    const back = createLaneMemory();
    const bell = new MessageChannel();
    const common = {
      transport: "thread",
      spin: numActors < numCores ? "allowed" : "forbidden",
    } as const;
    const toCallee: LaneOffer = {
      ...{ ...common, peer: caller, bell: bell.port2 },
      ...{ send: back, receive: forth },
    };
    const toCaller: LaneOffer = {
      ...{ ...common, peer: callee, bell: bell.port1 },
      ...{ send: forth, receive: back },
    };
    return {
      toCallee: new Transferred(toCallee, [bell.port2]),
      toCaller: new Transferred(toCaller, [bell.port1]),
    };
  };
}
