// A thread beside an instance's own, for work that may not come to an end: it can be ended at any moment, and another
// takes its place. It ends with the instance's thread.

export interface SideThread {
  /** Structured-cloneable; `transfer` moves to the other end. */
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  onMessage(receive: (message: unknown) => void): void;
  /** Called once, with why it ended, unless it was terminated from here. */
  onExit(receive: (why: string) => void): void;
  /** Milliseconds of CPU that it has had; undefined before its first message, and where the system does not tell. */
  cpuMs(): number | undefined;
  /** Also in the middle of an endless loop. */
  terminate(): void;
}

/** `data` is what the entry understands, structured-cloneable. */
export type SpawnSideThread = (entry: string, data: unknown) => SideThread;
