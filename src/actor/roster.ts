import type { ActorId } from "./actor-id.ts";
import type { ControlPort } from "./control-port.ts";
import type { ActorEnd } from "./peer.ts";

/** Who is alive in this process. A supervisor writes it; src/transport/switchboard.ts links those who are on it. */
export interface Roster {
  /** A number that no actor of this process has had. */
  nextActorId(): ActorId;
  /** Makes an actor reachable. */
  attach(id: ActorId, control: ControlPort): void;
  /** The actor has ended: tells those who are linked to it, and closes its port. Idempotent. */
  detach(id: ActorId, end: ActorEnd): void;
}
