// Limits of one client, bytes and time, and of all clients together. A body's own limit is that of its route.

export interface HttpLimits {
  /** Request line and headers. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** Bytes that wait while an answer is on its way; then the client is not read from. */
  readonly maxWaitingBytes: number;
  /** Bodies that are being read, of all connections together, but for the first `freeBodyBytes` of each. */
  readonly maxBodiesBytes: number;
  /** Bytes of a body outside of `maxBodiesBytes`, so that large bodies of some clients never refuse the small of others. */
  readonly freeBodyBytes: number;
  /** Connections that are served as usual. */
  readonly maxConnections: number;
  /** Further connections, for one urgent request each; more are closed at once. */
  readonly spareConnections: number;
  /** A spare connection's time for its head, and between a body's reads. */
  readonly spareMs: number;
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
  maxBodiesBytes: 512 * 2 ** 20,
  freeBodyBytes: 64 * 1024,
  maxConnections: 4096,
  spareConnections: 32,
  spareMs: 2000,
  headMs: 15_000,
  silenceMs: 30_000,
  bodyMs: 600_000,
  lingerMs: 30_000,
  probeMs: 250,
};
