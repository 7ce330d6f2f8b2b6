// Time is injected, so that a test of a supervisor or a lease takes no wall time.

/** A pending timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. For durations. */
  now(): number;
  /** Milliseconds since the Unix epoch. For what people and the wire see. */
  wallTime(): number;
  /** Calls `fire` once, `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer;
  sleep(delayMs: number): Promise<void>;
  /** Gives the event loop one turn, so that messages that have arrived are handled. */
  turn(): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};
