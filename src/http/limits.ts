// What a client may take of the door: bytes and time. Bodies have the limit of their route.

export interface HttpLimits {
  /** Request line and headers. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** Bytes that wait while an answer is on its way; then the client is not read from. */
  readonly maxWaitingBytes: number;
  /** From the first byte of a head to its last. */
  readonly headMs: number;
  /** A connection between two requests, a body between two reads, an answer that the client does not take. */
  readonly silenceMs: number;
  /** From the first byte of a body to its last. */
  readonly bodyMs: number;
  /** After a last answer: how long what the client still sends is read and dropped. */
  readonly lingerMs: number;
  /** Half-closed clients: the wait before the first probe, which doubles with each. */
  readonly probeMs: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  maxHeadBytes: 32 * 1024,
  maxHeaders: 128,
  maxWaitingBytes: 64 * 1024,
  headMs: 15_000,
  silenceMs: 30_000,
  bodyMs: 600_000,
  lingerMs: 30_000,
  probeMs: 250,
};
