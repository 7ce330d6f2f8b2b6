// Main side: notices threads that do not answer. Each tick looks at every thread and pings those that have answered;
// a thread whose ping is unanswered for a timeout's worth of ticks hangs.
//
//   tick ── "beat" ──> thread: one more beat in its pulse       no message back, so the main thread sleeps on
//
// Time is counted in ticks that came, not by a clock: a process that was stopped for a minute, or a machine that slept,
// misses ticks and blames no thread for it.

import type { Clock, Timer } from "../base/clock.ts";
import type { ControlPort } from "./control-port.ts";
import { BEAT, PulseReader } from "./pulse.ts";

/** Ticks for a timeout. A hung thread is found within [timeout, timeout + 1 tick] of its last turn. */
const TICKS = 16;

export interface WatchOptions {
  readonly control: ControlPort;
  readonly pulse: SharedArrayBuffer;
  /**
   * Asked while the thread does not answer: a number that changes as its work goes on in a place that cannot
   * answer, such as native code; undefined if no such work is under way.
   */
  readonly progress: () => number | undefined;
  /** It has not answered for the timeout. Called once. */
  readonly onHung: (endpoint: string | undefined) => void;
}

interface Watched {
  readonly options: WatchOptions;
  readonly pulse: PulseReader;
  beats: number;
  progress: number | undefined;
  /** Ticks since the ping that is unanswered. */
  silentTicks: number;
}

/** Watches the threads of all services that have the same timeout. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#tickMs = timeoutMs / TICKS;
  }

  /** From now on; the function that is returned ends it. */
  watch(options: WatchOptions): () => void {
    const pulse = new PulseReader(options.pulse);
    const watched: Watched = {
      ...{ options, pulse, beats: pulse.beats, progress: undefined, silentTicks: 0 },
    };
    this.#watched.add(watched);
    options.control.push(BEAT, undefined);
    this.#timer ??= this.#clock.after(this.#tickMs, this.#tick);
    return () => this.#forget(watched);
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    // Not an interval: ticks that were missed are not made up for.
    this.#timer = this.#clock.after(this.#tickMs, this.#tick);
    for (const watched of [...this.#watched]) {
      if (hasAnswered(watched)) {
        watched.silentTicks = 0;
        watched.options.control.push(BEAT, undefined);
      } else if (goesOn(watched)) {
        watched.silentTicks = 0;
      } else if (++watched.silentTicks >= TICKS) {
        this.#forget(watched);
        watched.options.onHung(watched.pulse.endpoint);
      }
    }
  };
}

function hasAnswered(watched: Watched): boolean {
  const { beats } = watched.pulse;
  const isNew = beats !== watched.beats;
  watched.beats = beats;
  return isNew;
}

function goesOn(watched: Watched): boolean {
  const progress = watched.options.progress();
  const isNew = progress !== undefined && progress !== watched.progress;
  watched.progress = progress;
  return isNew;
}
