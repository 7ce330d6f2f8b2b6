// Main side: knows who is alive, opens lanes between actors, and tells of deaths.
//
//   A ── "lane.open" ──> switchboard ── "lane" ──> B        both get the same two rings, crossed, and one port each
//   A <── the offer ────────┘

import { availableParallelism } from "node:os";
import { MessageChannel } from "node:worker_threads";

import { assert } from "../base/assert.ts";
import type { Down } from "./actor.ts";
import type { ActorId } from "./actor-id.ts";
import { type ControlPort, Transferred } from "./control-port.ts";
import { ActorDownError } from "./error.ts";
import { createLaneMemory, type LaneOffer } from "./lane.ts";
import type { ActorEnd } from "./peer.ts";

interface Attached {
  readonly control: ControlPort;
  /** Actors that have a lane to this one. */
  readonly peers: Set<ActorId>;
  readonly monitors: ((reason: string) => void)[];
}

export class Switchboard {
  readonly #numCores: number;
  #lastId = 0;
  readonly #attached = new Map<ActorId, Attached>();

  /** With fewer actors than `numCores` an idle one may look into its lanes for a moment before it sleeps. */
  constructor(numCores: number = availableParallelism()) {
    this.#numCores = numCores;
  }

  /** A number that no actor of this process has had. */
  nextActorId(): ActorId {
    return ++this.#lastId;
  }

  /** Makes an actor reachable; serves its "lane.open" and "monitor" requests. */
  attach(id: ActorId, control: ControlPort): void {
    assert(!this.#attached.has(id), `actor ${id} is attached already`);
    this.#attached.set(id, { control, peers: new Set(), monitors: [] });
    control.onRequest<{ target: ActorId }>("lane.open", ({ target }) => this.#openLane(id, target));
    control.onRequest<{ target: ActorId }>("monitor", ({ target }) => this.monitor(target));
  }

  /** Tells everyone with a lane to it or a monitor on it that the actor is down, and closes its port. */
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

  #openLane(from: ActorId, to: ActorId): Transferred | "offered" {
    const caller = this.#attached.get(from);
    const callee = this.#attached.get(to);
    if (caller === undefined || callee === undefined) throw new ActorDownError(unknownActor(to));
    if (caller.peers.has(to)) return "offered"; // the other side asked first

    caller.peers.add(to);
    callee.peers.add(from);
    const forth = createLaneMemory();
    const back = createLaneMemory();
    const bell = new MessageChannel();
    const spin = this.#attached.size < this.#numCores ? "allowed" : "forbidden";
    const toCallee: LaneOffer = { peer: from, send: back, receive: forth, bell: bell.port2, spin };
    const toCaller: LaneOffer = { peer: to, send: forth, receive: back, bell: bell.port1, spin };
    callee.control.push("lane", toCallee, [bell.port2]);
    return new Transferred(toCaller, [bell.port1]);
  }
}

function unknownActor(id: ActorId): string {
  return `actor ${id} is not running: it has ended, or never was`;
}
