// Turns envelopes into frames: straight into the ring, through the arena if they are large, or into an
// outbox while the ring has no room or is not there yet. A written frame is not yet visible: see RingWriter.publish.

import type { Envelope } from "../../actor/envelope.ts";
import { MailboxFullError, MessageTooLargeError } from "../../actor/error.ts";
import { unreachable } from "../../base/assert.ts";
import { BodyPacker } from "../codec.ts";
import { ARENA_CODE, align8, CODES, HEADER_BYTES, HEADER_WORDS, RESET_FLAG } from "../frame.ts";
import { type ArenaWriter, MAX_FRAME_BYTES } from "./arena.ts";
import type { RingWriter } from "./ring.ts";

/** Frames up to this lie in the ring itself. */
const SLOT_BYTES = 64 * 1024;

/**
 * A call that is larger than a slot waits in the outbox if it takes at most half of what others of its kind leave free
 * of this. So the first may be of any size, and there is room for a smaller one behind it.
 */
const LARGE_OUTBOX_BYTES = 128 * 1024 * 1024;

const ARENA_FRAME_BYTES = HEADER_BYTES + 8;
const PAGE_BYTES = 4096;
// msgpackr does not start in a buffer with less than 2 KiB left.
const MIN_IN_PLACE_BYTES = PAGE_BYTES + 2048 + HEADER_BYTES + 16;

export class FrameWriter {
  readonly #packer = new BodyPacker();
  readonly #scratch = Buffer.allocUnsafeSlow(2 * PAGE_BYTES);
  #ring: RingWriter | undefined;
  #arena: ArenaWriter | undefined;
  /** The ring's memory from its start to the end of each page, so that packing stops short of unread frames. */
  #windows: Buffer[] = [];
  #outbox: Uint8Array[] = [];
  #outboxBytes = 0;
  #largeBytes = 0;

  connect(ring: RingWriter, arena: ArenaWriter): void {
    this.#ring = ring;
    this.#arena = arena;
    this.#windows = new Array(1 + Math.floor(ring.bytes.byteLength / PAGE_BYTES));
  }

  /** Bytes that wait for room. */
  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  /** Bytes of those among them that would lie in the ring itself. */
  get smallOutboxBytes(): number {
    return this.#outboxBytes - this.#largeBytes;
  }

  /** Throws if the envelope cannot be packed, is too large, or is a large call that has no room; then nothing of it was written. */
  write(envelope: Envelope): void {
    switch (envelope.type) {
      case "item":
      case "reply":
        this.#writeBody(CODES[envelope.type], envelope.call, envelope.value);
        return;
      case "call":
        this.#writeBody(CODES.call, envelope.call, [envelope.endpoint, envelope.args]);
        return;
      case "error":
        this.#writeBody(CODES.error, envelope.call, envelope.error);
        return;
      case "stream":
        this.#writeHeader(CODES.stream, envelope.call, envelope.window);
        return;
      case "credit":
        this.#writeHeader(CODES.credit, envelope.call, envelope.count);
        return;
      case "end":
      case "cancel":
        this.#writeHeader(CODES[envelope.type], envelope.call, 0);
        return;
      default:
        unreachable(envelope);
    }
  }

  /** Moves what waits into the ring, as far as there is room. True if nothing waits any more. */
  flushOutbox(): boolean {
    let numMoved = 0;
    for (const frame of this.#outbox) {
      if (!this.#place(frame)) break;
      this.#outboxBytes -= frame.byteLength;
      if (frame.byteLength > SLOT_BYTES) this.#largeBytes -= frame.byteLength;
      numMoved++;
    }
    if (numMoved > 0) this.#outbox = this.#outbox.slice(numMoved);
    return this.#outbox.length === 0;
  }

  #writeHeader(code: number, call: number, word3: number): void {
    const ring = this.#ring;
    if (ring !== undefined && this.#outboxBytes === 0 && ring.makeRoom(HEADER_BYTES)) {
      putHeader(ring.words, ring.offset >> 2, HEADER_BYTES, code, call, word3);
      ring.advance(HEADER_BYTES);
    } else {
      const frame = new Int32Array(HEADER_WORDS);
      putHeader(frame, 0, HEADER_BYTES, code, call, word3);
      this.#post(new Uint8Array(frame.buffer));
    }
  }

  #writeBody(code: number, call: number, value: unknown): void {
    const ring = this.#ring;
    if (ring === undefined || this.#outboxBytes > 0) {
      this.#writeCopied(code, call, value);
      return;
    }
    const room = ring.room(MIN_IN_PLACE_BYTES);
    if (room < MIN_IN_PLACE_BYTES) {
      this.#writeCopied(code, call, value);
      return;
    }

    const { offset } = ring;
    const window = this.#window(ring, offset + room);
    const packer = this.#packer;
    packer.pack(value, window, offset + HEADER_BYTES);
    const { frameBytes } = packer;
    if (packer.source !== window || frameBytes > room || frameBytes > SLOT_BYTES) {
      this.#post(this.#copyPacked(code, call)); // packed elsewhere, or too long for here
      return;
    }
    putAttachments(ring.bytes, offset + HEADER_BYTES + align8(packer.length), packer.attachments);
    putHeader(ring.words, offset >> 2, frameBytes, code | this.#flags(), call, packer.length);
    ring.advance(frameBytes);
  }

  #writeCopied(code: number, call: number, value: unknown): void {
    this.#packer.pack(value, this.#scratch, 0);
    this.#post(this.#copyPacked(code, call));
  }

  /** The whole frame of what was just packed, in memory of its own. */
  #copyPacked(code: number, call: number): Uint8Array {
    const { source, start, length, attachments, frameBytes } = this.#packer;
    if (frameBytes > MAX_FRAME_BYTES) {
      this.#packer.reset();
      throw new MessageTooLargeError(
        `a message of ${frameBytes} bytes; a lane carries ${MAX_FRAME_BYTES}: split it, or send it as a stream`,
        { bytes: frameBytes, maxBytes: MAX_FRAME_BYTES },
      );
    }
    if (code === CODES.call && frameBytes > SLOT_BYTES) this.#checkRoom(frameBytes);
    const words = new Int32Array(frameBytes / 4);
    const frame = new Uint8Array(words.buffer);
    putHeader(words, 0, frameBytes, code | this.#flags(), call, length);
    frame.set(source.subarray(start, start + length), HEADER_BYTES);
    putAttachments(frame, HEADER_BYTES + align8(length), attachments);
    return frame;
  }

  #checkRoom(frameBytes: number): void {
    const maxBytes = Math.floor((LARGE_OUTBOX_BYTES - this.#largeBytes) / 2);
    if (frameBytes <= maxBytes) return;
    this.#packer.reset();
    throw new MailboxFullError(
      `a call of ${frameBytes} bytes while ${this.#largeBytes} bytes of large calls wait in the lane: try again later`,
      { bytes: frameBytes, maxBytes },
    );
  }

  /** Into the ring, or behind what waits already. */
  #post(frame: Uint8Array): void {
    if (this.#outboxBytes === 0 && this.#place(frame)) return;
    this.#outbox.push(frame);
    this.#outboxBytes += frame.byteLength;
    if (frame.byteLength > SLOT_BYTES) this.#largeBytes += frame.byteLength;
  }

  #place(frame: Uint8Array): boolean {
    const ring = this.#ring;
    if (ring === undefined) return false;
    if (frame.byteLength > SLOT_BYTES) return this.#placeInArena(ring, frame);
    if (!ring.makeRoom(frame.byteLength)) return false;
    ring.bytes.set(frame, ring.offset);
    ring.advance(frame.byteLength);
    return true;
  }

  #placeInArena(ring: RingWriter, frame: Uint8Array): boolean {
    if (!ring.makeRoom(ARENA_FRAME_BYTES)) return false;
    const place = this.#arena?.write(frame);
    if (place === undefined) return false;
    const first = ring.offset >> 2;
    putHeader(ring.words, first, ARENA_FRAME_BYTES, ARENA_CODE, place.offset, frame.byteLength);
    ring.words[first + HEADER_WORDS] = place.usedUntil;
    ring.advance(ARENA_FRAME_BYTES);
    return true;
  }

  #window(ring: RingWriter, end: number): Buffer {
    const page = Math.floor(end / PAGE_BYTES);
    let window = this.#windows[page];
    if (window === undefined) {
      window = ring.bytes.subarray(0, page * PAGE_BYTES);
      this.#windows[page] = window;
    }
    return window;
  }

  #flags(): number {
    return this.#packer.takeReset() ? RESET_FLAG << 8 : 0;
  }
}

function putHeader(
  words: Int32Array,
  first: number,
  frameBytes: number,
  codeAndFlags: number,
  word2: number,
  word3: number,
): void {
  words[first] = frameBytes;
  words[first + 1] = codeAndFlags;
  words[first + 2] = word2;
  words[first + 3] = word3;
}

function putAttachments(target: Uint8Array, at: number, attachments: readonly Uint8Array[]): void {
  let offset = at;
  for (const attachment of attachments) {
    target.set(attachment, offset);
    offset += align8(attachment.byteLength);
  }
}
