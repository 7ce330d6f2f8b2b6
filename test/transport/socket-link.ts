// A made-up transport, to show that a second one needs nothing of src/sdk: each actor listens at a unix socket, and a
// link is a connection there. It copies what the lanes share; its frames are whole envelopes.
//
//   caller's dialer ── connect, "I am actor 7" ──> callee's dialer

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";

import type { ActorId } from "../../src/actor/actor-id.ts";
import { type ControlPort, Transferred } from "../../src/actor/control-port.ts";
import type { Envelope } from "../../src/actor/envelope.ts";
import { MessageTooLargeError } from "../../src/actor/error.ts";
import type { Dialer, Link } from "../../src/actor/link.ts";
import { BodyPacker, BodyReader } from "../../src/transport/codec.ts";
import { align8, HEADER_BYTES } from "../../src/transport/frame.ts";
import { LINK, LINK_OPEN, type LinkAnswer } from "../../src/transport/switchboard.ts";
import { TurnEnd } from "../../src/transport/turn-end.ts";
import type { DialerOptions, TestTransport } from "./test-transport.ts";

interface SocketOffer {
  readonly transport: "socket";
  readonly peer: ActorId;
}

const MAX_FRAME_BYTES = 63 * 1024 * 1024;
const MAX_WAITING_BYTES = 1024 * 1024;
const EAGER_BYTES = 64 * 1024;

/** To be closed when its test has ended. */
export class SocketTransport implements TestTransport {
  readonly #folder = mkdtempSync(join(tmpdir(), "links-"));
  readonly #listeners: { stop(): void }[] = [];
  /** Bytes that were written and not read, of all links. */
  readonly #traffic = { onTheirWay: 0 };

  readonly offer = (caller: ActorId, callee: ActorId) => ({
    toCaller: new Transferred({ transport: "socket", peer: callee } satisfies SocketOffer, []),
    toCallee: new Transferred({ transport: "socket", peer: caller } satisfies SocketOffer, []),
  });

  readonly dialer = ({ id, control }: DialerOptions): Dialer => {
    const dialer = new SocketDialer(id, control, this.#folder, this.#traffic);
    this.#listeners.push(dialer.listener);
    return dialer;
  };

  readonly isQuiet = (): boolean => this.#traffic.onTheirWay === 0;

  close(): void {
    for (const listener of this.#listeners) listener.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

/** A connection, and what reads it. */
interface Wire {
  read: (bytes: Buffer) => void;
  drained: () => void;
  ended: () => void;
}

class SocketDialer implements Dialer {
  readonly listener;
  readonly #id: ActorId;
  readonly #control: ControlPort;
  readonly #folder: string;
  readonly #traffic: { onTheirWay: number };
  readonly #turnEnd = new TurnEnd();
  readonly #links = new Map<ActorId, SocketLink>();
  #accept: (peer: ActorId) => void = () => {};

  constructor(id: ActorId, control: ControlPort, folder: string, traffic: { onTheirWay: number }) {
    this.#id = id;
    this.#control = control;
    this.#folder = folder;
    this.#traffic = traffic;
    this.listener = Bun.listen<Wire>({
      unix: join(folder, String(id)),
      socket: this.#handlers((socket) => this.#greet(socket)),
    });
  }

  link(peer: ActorId, receive: (envelope: Envelope) => void): Link {
    const link = new SocketLink({
      receive,
      turnEnd: this.#turnEnd,
      traffic: this.#traffic,
      closed: () => {
        if (this.#links.get(peer) === link) this.#links.delete(peer);
      },
    });
    this.#links.set(peer, link);
    return link;
  }

  async dial(peer: ActorId): Promise<void> {
    const answer = await this.#control.request<LinkAnswer<SocketOffer>>(LINK_OPEN, {
      target: peer,
    });
    if (answer === "offered") return; // the peer connects
    const hello = Buffer.from(Int32Array.of(this.#id).buffer);
    const socket = await Bun.connect<Wire>({
      unix: join(this.#folder, String(peer)),
      socket: this.#handlers(() => {}),
    });
    socket.write(hello);
    this.#connect(peer, socket);
  }

  onDialled(accept: (peer: ActorId) => void): void {
    this.#accept = accept;
    this.#control.onPush<SocketOffer>(LINK, () => {}); // it comes to our socket
  }

  /** Its first four bytes are the peer's id. */
  #greet(socket: Socket<Wire>): void {
    let hello = Buffer.alloc(0);
    socket.data.read = (bytes) => {
      hello = Buffer.concat([hello, bytes]);
      if (hello.length < 4) return;
      const peer = hello.readInt32LE(0);
      socket.data.read = () => {}; // unless it is connected now
      if (!this.#links.has(peer)) this.#accept(peer);
      this.#connect(peer, socket);
      socket.data.read(hello.subarray(4));
    };
  }

  #connect(peer: ActorId, socket: Socket<Wire>): void {
    const link = this.#links.get(peer);
    if (link === undefined || link.isConnected) socket.end();
    else link.connect(socket);
  }

  #handlers(open: (socket: Socket<Wire>) => void) {
    return {
      open(socket: Socket<Wire>) {
        socket.data = { read: () => {}, drained: () => {}, ended: () => {} };
        open(socket);
      },
      data: (socket: Socket<Wire>, bytes: Buffer) => socket.data.read(Buffer.from(bytes)),
      drain: (socket: Socket<Wire>) => socket.data.drained(),
      close: (socket: Socket<Wire>) => socket.data.ended(),
    };
  }
}

interface SocketLinkOptions {
  readonly receive: (envelope: Envelope) => void;
  readonly turnEnd: TurnEnd;
  readonly traffic: { onTheirWay: number };
  readonly closed: () => void;
}

class SocketLink implements Link {
  readonly #options: SocketLinkOptions;
  readonly #packer = new BodyPacker();
  readonly #reader = new BodyReader();
  readonly #scratch = Buffer.alloc(8192);
  readonly #ended = Promise.withResolvers<void>();
  #socket: Socket<Wire> | undefined;
  #flushDue = false;
  #state: "open" | "closing" | "closed" = "open";
  /** Frames that the kernel has not taken. */
  #outbox: Buffer[] = [];
  #outboxBytes = 0;
  #isRefused = true; // by the kernel, or there is no connection
  #waitingForRoom: (() => void)[] = [];
  #unread: Buffer = Buffer.alloc(0);

  constructor(options: SocketLinkOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  get isCongested(): boolean {
    return this.#isRefused && this.#outboxBytes > 0;
  }

  get isFull(): boolean {
    return this.#outboxBytes >= MAX_WAITING_BYTES;
  }

  connect(socket: Socket<Wire>): void {
    this.#socket = socket;
    this.#isRefused = false;
    Object.assign(socket.data, {
      read: (bytes: Buffer) => this.#read(bytes),
      drained: () => this.#write(),
      ended: () => this.#ended.resolve(),
    });
    this.#write();
  }

  send(envelope: Envelope): void {
    if (this.#state !== "open") return;
    const frame = this.#pack(envelope);
    this.#outbox.push(frame);
    this.#outboxBytes += frame.length;
    this.#options.traffic.onTheirWay += frame.length;
    if (!this.#flushDue) {
      this.#flushDue = true;
      this.#options.turnEnd.run(this.flush);
    } else if (this.#outboxBytes > EAGER_BYTES && !this.#isRefused) {
      this.#write();
    }
  }

  readonly flush = (): void => {
    this.#flushDue = false;
    if (!this.#isRefused) this.#write();
  };

  whenRoom(resume: () => void): void {
    this.#waitingForRoom.push(resume);
  }

  drainAll(): Promise<void> | undefined {
    return this.#socket === undefined ? undefined : this.#ended.promise;
  }

  close(): void {
    if (this.#state !== "open") return;
    this.flush();
    this.#state = "closing";
    this.#waitingForRoom = [];
    if (this.#socket === undefined) this.#forget();
    else if (this.#outboxBytes === 0) this.#end(this.#socket);
    this.#options.closed();
  }

  #end(socket: Socket<Wire>): void {
    this.#state = "closed";
    socket.end();
  }

  /** Takes what was never sent off the way. */
  #forget(): void {
    this.#options.traffic.onTheirWay -= this.#outboxBytes;
    this.#state = "closed";
  }

  #pack(envelope: Envelope): Buffer {
    const packer = this.#packer;
    packer.pack(envelope, this.#scratch, 0);
    const { frameBytes, source, start, length } = packer;
    if (frameBytes > MAX_FRAME_BYTES) {
      packer.reset();
      throw new MessageTooLargeError(`a message of ${frameBytes} bytes`);
    }
    const frame = Buffer.alloc(frameBytes);
    frame.writeInt32LE(frameBytes, 0);
    frame.writeInt32LE(length, 4);
    frame.writeInt32LE(packer.takeReset() ? 1 : 0, 8);
    frame.set(source.subarray(start, start + length), HEADER_BYTES);
    let offset = HEADER_BYTES + align8(length);
    for (const attachment of packer.attachments) {
      frame.set(attachment, offset);
      offset += align8(attachment.byteLength);
    }
    return frame;
  }

  #write(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#isRefused = false;
    while (this.#outbox.length > 0 && !this.#isRefused) {
      const [frame = Buffer.alloc(0)] = this.#outbox;
      const written = Math.max(0, socket.write(frame));
      this.#outboxBytes -= written;
      this.#isRefused = written < frame.length;
      if (this.#isRefused) this.#outbox[0] = frame.subarray(written);
      else this.#outbox.shift();
    }
    if (this.#isRefused) return;
    if (this.#state === "closing") this.#end(socket);
    else this.#resume();
  }

  #resume(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const resume of waiting) resume();
  }

  #read(bytes: Buffer): void {
    this.#options.traffic.onTheirWay -= bytes.length;
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    let at = 0;
    while (this.#unread.length - at >= HEADER_BYTES) {
      const frameBytes = this.#unread.readInt32LE(at);
      if (this.#unread.length - at < frameBytes) break;
      const frame = this.#unread.subarray(at, at + frameBytes);
      if (frame.readInt32LE(8) === 1) this.#reader.reset();
      const envelope = this.#reader.read(frame, HEADER_BYTES, frame.readInt32LE(4));
      at += frameBytes;
      if (this.#state === "open") this.#options.receive(envelope as Envelope);
    }
    this.#unread = this.#unread.subarray(at);
  }
}
