// The links of one actor of this process. The switchboard makes both ends; this one takes its own.
//
//   dial ── "link.open" ──> switchboard ── "link" ──> the peer's dialer
//     <────── the offer ────────┘

import type { ActorId } from "../../actor/actor-id.ts";
import type { ControlPort } from "../../actor/control-port.ts";
import type { Envelope } from "../../actor/envelope.ts";
import type { Dialer, Link } from "../../actor/link.ts";
import type { Clock } from "../../base/clock.ts";
import type { LinkOffer } from "../link-offer.ts";
import { LINK, LINK_OPEN, type LinkAnswer } from "../switchboard.ts";
import { TurnEnd } from "../turn-end.ts";
import { Lane } from "./lane.ts";

export class ThreadDialer implements Dialer {
  readonly #control: ControlPort;
  readonly #clock: Clock;
  readonly #turnEnd = new TurnEnd();
  readonly #lanes = new Map<ActorId, Lane>();

  constructor(options: { readonly control: ControlPort; readonly clock: Clock }) {
    this.#control = options.control;
    this.#clock = options.clock;
  }

  link(peer: ActorId, receive: (envelope: Envelope) => void): Link {
    const closed = () => {
      if (this.#lanes.get(peer) === lane) this.#lanes.delete(peer);
    };
    const lane = new Lane({ receive, closed, turnEnd: this.#turnEnd, clock: this.#clock });
    this.#lanes.set(peer, lane);
    return lane;
  }

  async dial(peer: ActorId): Promise<void> {
    const answer = await this.#control.request<LinkAnswer<LinkOffer>>(LINK_OPEN, { target: peer });
    if (answer !== "offered") this.#connect(answer);
  }

  onDialled(accept: (peer: ActorId) => void): void {
    this.#control.onPush<LinkOffer>(LINK, (offer) => {
      if (!this.#lanes.has(offer.peer)) accept(offer.peer);
      this.#connect(offer);
    });
  }

  #connect(offer: LinkOffer): void {
    const lane = this.#lanes.get(offer.peer);
    if (lane === undefined || lane.isConnected)
      offer.bell.close(); // closed meanwhile
    else lane.connect(offer);
  }
}
