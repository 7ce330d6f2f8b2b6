// How an envelope lies in bytes.
//
//   word 0  bytes of the whole frame, a multiple of 8
//   word 1  type code | flags << 8
//   word 2  call: numbered by the caller, from 1, per link
//   word 3  bytes of the body; or the window or count, of an envelope without one
//   then    the body (codec.ts), padded to 8, then the bytes of its typed arrays, each padded to 8

import type { Envelope } from "../actor/envelope.ts";

export const HEADER_BYTES = 16;
export const HEADER_WORDS = HEADER_BYTES / 4;

/** In the place of a frame's length: go on at the start of the ring. */
export const WRAP_MARKER = -1;

/** A frame that stands for one in the arena: word 2 is its offset there, word 3 its length, then how far the arena is used. */
export const ARENA_CODE = 15;
/** The sender's codec forgot the shapes that it had announced, and so must the receiver's. */
export const RESET_FLAG = 1;

export const CODES = {
  call: 1,
  reply: 2,
  stream: 3,
  item: 4,
  end: 5,
  error: 6,
  cancel: 7,
  credit: 8,
} as const satisfies Record<Envelope["type"], number>;

/** The next multiple of 8. */
export function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}
