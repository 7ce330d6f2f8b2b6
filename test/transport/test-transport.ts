import type { ActorId } from "../../src/actor/actor-id.ts";
import type { ControlPort } from "../../src/actor/control-port.ts";
import type { Dialer } from "../../src/actor/link.ts";
import type { Clock } from "../../src/base/clock.ts";
import type { OfferLink } from "../../src/transport/switchboard.ts";
import { ThreadDialer } from "../../src/transport/thread/dialer.ts";
import { offerLanes } from "../../src/transport/thread/offer-lanes.ts";

export interface DialerOptions {
  readonly id: ActorId;
  readonly control: ControlPort;
  readonly clock: Clock;
}

/** Transport that links the actors of a test. */
export interface TestTransport {
  readonly offer: OfferLink;
  readonly dialer: (options: DialerOptions) => Dialer;
  /** Nothing that was sent is still on its way. */
  readonly isQuiet: () => boolean;
}

/** As between real threads. Sent bytes lie in the peer's memory; only its bell travels. */
export const lanes: TestTransport = {
  offer: offerLanes(1),
  dialer: (options) => new ThreadDialer(options),
  isQuiet: () => true,
};
