import type { LaneOffer } from "./thread/lane.ts";

/** One end of a link that was opened, as its actor is handed it: a union by `transport`. */
export type LinkOffer = LaneOffer;
