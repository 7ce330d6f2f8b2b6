// One end of the line between two actors: a ring each way, and a port that is only a doorbell.
//
//   send ──> ring ──> the peer's drain        written at once, published together at the end of the turn
//   bell ──> "look into your ring" (it sleeps), or "there is room again" (it starves)
//
// A lane can be written to before it is connected; what is written waits in the outbox.
// Budget: 64 B one way, codec included, >= 3 M messages/s (test/bench/lane.ts).

import type { MessagePort } from "node:worker_threads";
import type { ActorId } from "../../actor/actor-id.ts";
import type { Envelope } from "../../actor/envelope.ts";
import type { Link } from "../../actor/link.ts";
import type { Clock } from "../../base/clock.ts";
import type { TurnEnd } from "../turn-end.ts";
import { ArenaReader, ArenaWriter, createArena } from "./arena.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { createRing, RingReader, RingWriter } from "./ring.ts";
import { Spin } from "./spin.ts";

const RING_BYTES = 256 * 1024;

/** One end of an opened lane, as the main thread hands it out. */
export interface LaneOffer {
  readonly transport: "thread";
  readonly peer: ActorId;
  readonly send: LaneMemory;
  readonly receive: LaneMemory;
  readonly bell: MessagePort;
  /** Permission for the receiver to look again for a moment before it sleeps. */
  readonly spin: "allowed" | "forbidden";
}

/** One direction of a lane. */
export interface LaneMemory {
  readonly ring: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
}

export function createLaneMemory(): LaneMemory {
  return { ring: createRing(RING_BYTES), arena: createArena() };
}

export interface LaneOptions {
  readonly receive: (envelope: Envelope) => void;
  readonly closed?: () => void;
  readonly turnEnd: TurnEnd;
  readonly clock: Clock;
}

// Beyond this the frames of a turn are published before it ends, so that a long turn does not keep the peer idle.
const EAGER_BYTES = 16 * 1024;
// Consumed memory is given back in pieces of this, not frame by frame: each time costs a shared cache line.
const RELEASE_BYTES = RING_BYTES / 8;
// One drain handles this much, then other events of the loop have their turn.
const DRAIN_BYTES = 2 * RING_BYTES;
/** New calls are refused while this much waits for room. Frames larger than a slot have a limit of their own. */
const MAX_OUTBOX_BYTES = 4 * RING_BYTES;

export class Lane implements Link {
  readonly #receive: (envelope: Envelope) => void;
  readonly #onClosed: (() => void) | undefined;
  readonly #turnEnd: TurnEnd;
  readonly #clock: Clock;
  readonly #writer = new FrameWriter();
  #waitingForRoom: (() => void)[] = [];
  #connection: Connection | undefined;
  #flushDue = false;
  #closed = false;

  constructor(options: LaneOptions) {
    this.#receive = options.receive;
    this.#onClosed = options.closed;
    this.#turnEnd = options.turnEnd;
    this.#clock = options.clock;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  get isCongested(): boolean {
    return this.#writer.outboxBytes > 0;
  }

  get isFull(): boolean {
    return this.#writer.smallOutboxBytes >= MAX_OUTBOX_BYTES;
  }

  connect(offer: LaneOffer): void {
    const connection: Connection = {
      out: new RingWriter(offer.send.ring),
      in: new RingReader(offer.receive.ring),
      reader: new FrameReader(new ArenaReader(offer.receive.arena)),
      bell: offer.bell,
      spin: new Spin(offer.spin),
    };
    this.#connection = connection;
    this.#writer.connect(connection.out, new ArenaWriter(offer.send.arena));
    offer.bell.on("message", () => this.#answerBell());
    this.#answerBell();
  }

  send(envelope: Envelope): void {
    if (this.#closed) return;
    this.#writer.write(envelope);
    if (!this.#flushDue) {
      this.#flushDue = true;
      this.#turnEnd.run(this.flush);
    } else if (this.#connection !== undefined && this.#connection.out.unpublished > EAGER_BYTES) {
      this.#publish(this.#connection);
    }
  }

  readonly flush = (): void => {
    this.#flushDue = false;
    if (this.#connection !== undefined && !this.#closed) this.#publish(this.#connection);
  };

  whenRoom(resume: () => void): void {
    this.#waitingForRoom.push(resume);
  }

  /** At once: what the peer has published lies in the ring. */
  drainAll(): undefined {
    const connection = this.#connection;
    if (connection === undefined) return;
    for (let more = true; more && !this.#closed; ) more = this.#receiveSome(connection);
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#waitingForRoom = [];
    this.#connection?.bell.close();
    this.#onClosed?.();
  }

  #answerBell(): void {
    if (this.#closed || this.#connection === undefined) return;
    if (this.isCongested || this.#waitingForRoom.length > 0) this.#publish(this.#connection);
    this.#drain(this.#connection);
  }

  #publish(connection: Connection): void {
    if (!this.#writer.flushOutbox()) {
      connection.out.starve();
      this.#writer.flushOutbox(); // room may have come while the flag went up
    }
    if (connection.out.unpublished > 0 && connection.out.publish()) connection.bell.postMessage(0);
    if (!this.isCongested && this.#waitingForRoom.length > 0) this.#resume();
  }

  #resume(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const resume of waiting) resume();
  }

  #drain(connection: Connection): void {
    while (!this.#closed) {
      if (this.#receiveSome(connection)) {
        this.#later(() => this.#drain(connection));
        return;
      }
      if (connection.spin.isWorthIt()) {
        this.#later(() => this.#lookAgain(connection));
        return;
      }
      if (connection.in.park()) return;
    }
  }

  /** After a turn: what was received is answered first, and other events are not kept waiting. */
  #later(task: () => void): void {
    void this.#clock.turn().then(task);
  }

  #lookAgain(connection: Connection): void {
    if (this.#closed) return;
    const hasCome = connection.spin.until(() => connection.in.hasNext());
    if (hasCome || !connection.in.park()) this.#drain(connection);
  }

  /** Hands over up to DRAIN_BYTES. True if there is more. */
  #receiveSome(connection: Connection): boolean {
    const ring = connection.in;
    let bytesLeft = DRAIN_BYTES;
    let bytesUntilRelease = RELEASE_BYTES;
    let offset = ring.next();
    while (offset !== undefined && bytesLeft > 0 && !this.#closed) {
      const bytes = ring.words[offset >> 2] ?? 0;
      const envelope = connection.reader.read(ring.bytes, ring.words, offset);
      ring.consume(bytes);
      bytesLeft -= bytes;
      bytesUntilRelease -= bytes;
      if (bytesUntilRelease < 0) {
        bytesUntilRelease = RELEASE_BYTES;
        this.#release(connection);
      }
      this.#receive(envelope);
      offset = ring.next();
    }
    if (!this.#closed) this.#release(connection);
    return offset !== undefined;
  }

  #release(connection: Connection): void {
    if (connection.in.release()) connection.bell.postMessage(0);
  }
}

interface Connection {
  readonly out: RingWriter;
  readonly in: RingReader;
  readonly reader: FrameReader;
  readonly bell: MessagePort;
  readonly spin: Spin;
}
