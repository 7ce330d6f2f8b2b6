// The line between two actors, as an actor sees it. A transport carries it (src/transport).
//
//   Peer ── send ──> Link ~~~ the other Link ── receive ──> the other Peer
//
// test/transport/link.suite.ts says what every transport does.

import type { ActorId } from "./actor-id.ts";
import type { Envelope } from "./envelope.ts";

/** One end of a link. Envelopes sent before it is connected wait; they arrive in order, each once. */
export interface Link {
  readonly isConnected: boolean;
  /** Envelopes wait for room: producers of streams pause until `whenRoom`. */
  readonly isCongested: boolean;
  /** So much waits that no new call may be added. Promised envelopes still may: answers, credit, cancels. */
  readonly isFull: boolean;
  /**
   * Copies the envelope, and sends it at the end of the turn at the latest. A link that is closed drops it. After a
   * throw nothing was sent, and the link lives on.
   *
   * @throws {MessageTooLargeError}, {MailboxFullError} for a large call that has no room, and what packing throws
   */
  send(envelope: Envelope): void;
  /** Sends what was written, without waiting for the end of the turn. */
  flush(): void;
  /** Runs `resume` once nothing waits for room. Never, if the link is closed before. */
  whenRoom(resume: () => void): void;
  /** The peer has ended: receives all that it had sent. A promise where some of it is still on its way. */
  drainAll(): Promise<void> | undefined;
  /** Sends what was written and receives nothing more. Idempotent. */
  close(): void;
}

/** Makes the links of one actor: one for each peer, whichever of the two asks first. */
export interface Dialer {
  /** This actor's end of the link to `peer`, not connected yet. */
  link(peer: ActorId, receive: (envelope: Envelope) => void): Link;
  /**
   * Connects the link to `peer`. Resolves early if the peer has asked first: its offer is on its way.
   *
   * @throws {RemoteError} with code `actor_down` if the peer does not run
   */
  dial(peer: ActorId): Promise<void>;
  /** Calls `accept` when a peer connects to this actor and there is no link to it; `accept` makes one, or refuses by making none. */
  onDialled(accept: (peer: ActorId) => void): void;
}
