// Which worker served each session last. Sessions are names that clients give: they are kept as hashes, and the least
// recently seen are forgotten.

export class Sessions<W> {
  readonly #maxSessions: number;
  /** In the order in which they were last seen. */
  readonly #workers = new Map<number | bigint, W>();

  constructor(maxSessions = 65_536) {
    this.#maxSessions = maxSessions;
  }

  workerOf(session: string): W | undefined {
    return this.#workers.get(Bun.hash(session));
  }

  served(session: string, worker: W): void {
    const key = Bun.hash(session);
    this.#workers.delete(key);
    this.#workers.set(key, worker);
    if (this.#workers.size <= this.#maxSessions) return;
    const [oldest] = this.#workers.keys();
    if (oldest !== undefined) this.#workers.delete(oldest);
  }
}
