// Main side: knows who is alive, opens links between actors, and tells of deaths. A transport makes the two ends.
//
//   A ── "link.open" ──> switchboard ── "link" ──> B        one offer each
//   A <── the offer ────────┘

import type { Down } from "../actor/actor.ts";
import type { ActorId } from "../actor/actor-id.ts";
import type { ControlPort, Transferred } from "../actor/control-port.ts";
import { ActorDownError } from "../actor/error.ts";
import type { ActorEnd } from "../actor/peer.ts";
import type { Roster } from "../actor/roster.ts";
import { assert } from "../base/assert.ts";

/** Request to the main thread: `{ target }`. The answer is an offer, or "offered" where the target has asked first. */
export const LINK_OPEN = "link.open";
export type LinkAnswer<Offer> = Offer | "offered";

/** Push from the main thread: an offer. */
export const LINK = "link";

/** Makes both ends of a link between two actors, among `numActors` that are attached. */
export type OfferLink = (
  caller: ActorId,
  callee: ActorId,
  numActors: number,
) => { readonly toCaller: Transferred; readonly toCallee: Transferred };

interface Attached {
  readonly control: ControlPort;
  /** Actors that have a link to this one. */
  readonly peers: Set<ActorId>;
  readonly monitors: ((reason: string) => void)[];
}

export class Switchboard implements Roster {
  readonly #offer: OfferLink;
  #lastId = 0;
  readonly #attached = new Map<ActorId, Attached>();

  constructor(offer: OfferLink) {
    this.#offer = offer;
  }

  nextActorId(): ActorId {
    return ++this.#lastId;
  }

  /** Makes an actor reachable; serves its `LINK_OPEN` and "monitor" requests. */
  attach(id: ActorId, control: ControlPort): void {
    assert(!this.#attached.has(id), `actor ${id} is attached already`);
    this.#attached.set(id, { control, peers: new Set(), monitors: [] });
    control.onRequest<{ target: ActorId }>(LINK_OPEN, ({ target }) => this.#openLink(id, target));
    control.onRequest<{ target: ActorId }>("monitor", ({ target }) => this.monitor(target));
  }

  /** Tells everyone with a link to it or a monitor on it that the actor is down, and closes its port. */
  detach(id: ActorId, { reason, ended }: ActorEnd): void {
    const gone = this.#attached.get(id);
    if (gone === undefined) return;
    this.#attached.delete(id);
    const down: Down = { id, reason, ended };
    for (const peerId of gone.peers) {
      const peer = this.#attached.get(peerId);
      peer?.peers.delete(id);
      peer?.control.push("down", down);
    }
    for (const tell of gone.monitors) tell(reason);
    gone.control.close(reason);
  }

  isAttached(id: ActorId): boolean {
    return this.#attached.has(id);
  }

  /** Resolves with the reason once the actor is down; at once if it already is or never was. */
  monitor(id: ActorId): Promise<string> {
    const attached = this.#attached.get(id);
    if (attached === undefined) return Promise.resolve(unknownActor(id));
    return new Promise((resolve) => attached.monitors.push(resolve));
  }

  #openLink(from: ActorId, to: ActorId): Transferred | "offered" {
    const caller = this.#attached.get(from);
    const callee = this.#attached.get(to);
    if (caller === undefined || callee === undefined) throw new ActorDownError(unknownActor(to));
    if (caller.peers.has(to)) return "offered"; // the other side asked first

    caller.peers.add(to);
    callee.peers.add(from);
    const { toCaller, toCallee } = this.#offer(from, to, this.#attached.size);
    callee.control.push(LINK, toCallee.body, toCallee.transfer);
    return toCaller;
  }
}

function unknownActor(id: ActorId): string {
  return `actor ${id} is not running: it has ended, or never was`;
}
