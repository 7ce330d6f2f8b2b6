// Workers that are only simulated, and that poisons kill, behind a real dispatcher. Nothing takes time: what happens
// next is drawn, one act a turn.

import { ActorDownError, type ActorEnding } from "../../../src/actor/error.ts";
import { errorCode } from "../../../src/base/error.ts";
import {
  type Choice,
  Dispatcher,
  type MigrationType,
  type Place,
  type Progress,
} from "../../../src/components/dispatch/dispatch.ts";
import { type Content, Quarantine } from "../../../src/components/dispatch/quarantine.ts";
import { NoWorkersError } from "../../../src/sdk/error.ts";
import { ManualClock } from "../../manual-clock.ts";

export interface Piece {
  readonly token: number;
  readonly restarts?: true;
}

export interface Asked {
  readonly content: Content;
  readonly numTokens: number;
  readonly isPoison: boolean;
  /** Tokens that a poison gives before it kills, wherever they are given; 0 unless told. */
  readonly killsAfter?: number;
  readonly isStream: boolean;
  /** The one worker that the client asks for. */
  readonly wanted?: number;
  /** The client leaves when its sequence has been at a worker. */
  readonly leaves: boolean;
}

export interface Answer {
  /** Those of all workers that it migrated to; those before a new start are void. */
  readonly tokens: readonly number[];
  readonly code: string | undefined;
  /** Workers that it was sent to. */
  readonly numTries: number;
  /** True if any of them gave a token. */
  readonly hadToken: boolean;
}

export class Cluster {
  readonly clock = new ManualClock();
  readonly condemned: Content[] = [];
  readonly quarantine = new Quarantine({
    clock: this.clock,
    onCondemned: (content) => this.condemned.push(content),
  });
  /** Those that no order has caused. */
  numDeaths = 0;
  /** Off unless a test sets it. */
  migrationLimit = 0;
  readonly migrations: MigrationType[] = [];
  readonly #dispatcher = new Dispatcher({
    ...{ clock: this.clock, quarantine: this.quarantine, service: "Worker" },
    waitMs: () => 2000,
    migration: {
      limit: () => this.migrationLimit,
      onMigration: (type) => this.migrations.push(type),
    },
  });
  readonly #random: () => number;
  readonly #workers = new Map<number, SimWorker>();
  #lastId = 0;
  #view: readonly number[] = [];

  constructor(numWorkers: number, random: () => number) {
    this.#random = random;
    for (let i = 0; i < numWorkers; i++) this.spawn();
    this.look();
  }

  /** The view of who is live is refreshed; between two looks it is out of date. */
  look(): void {
    this.#view = [...this.#workers.keys()];
    this.quarantine.setLive(this.#view);
  }

  get workers(): readonly SimWorker[] {
    return [...this.#workers.values()];
  }

  /** A worker runs some of its sequences: each gets a token, or is its end. */
  run(worker: SimWorker): void {
    for (const sequence of [...worker.sequences]) {
      if (this.#random() < 0.5) continue;
      if (sequence.isDeadly) {
        this.numDeaths++;
        this.end(worker, this.#random() < 0.3 ? "hung" : "failed");
        return;
      }
      sequence.give();
    }
  }

  /** It ends, and another starts in its place. */
  end(worker: SimWorker, ended: ActorEnding): void {
    this.#workers.delete(worker.id);
    worker.die(ended);
    this.spawn();
  }

  async ask(asked: Asked, clientLeft: Promise<void> = new Promise(() => {})): Promise<Answer> {
    let tokens: number[] = [];
    const progress = new PieceProgress(asked.numTokens);
    const left = Promise.withResolvers<void>();
    let sent: SimSequence | undefined;
    let numTries = 0;
    let hadToken = false;
    const outputs = this.#dispatcher.run<Piece>({
      content: asked.content,
      wanted: asked.wanted,
      progress,
      choose: async (place) =>
        this.#choose(place, { asked, progress }, (sequence) => {
          sent = sequence;
          numTries++;
        }),
      hasSent: () => asked.isStream && tokens.length > 0,
      left: Promise.race([left.promise, clientLeft]),
    });
    if (asked.leaves) {
      const first = outputs.next().catch(() => undefined);
      while (sent === undefined && this.quarantine.numOpen > 0) await this.clock.turn();
      left.resolve();
      await sent?.return();
      await Promise.all([first, outputs.return(undefined)]);
      return { tokens, code: "left", numTries, hadToken };
    }
    try {
      for await (const { token, restarts } of outputs) {
        if (restarts) tokens = [];
        tokens.push(token);
        hadToken = true;
      }
      return { tokens, code: undefined, numTries, hadToken };
    } catch (error) {
      return { tokens, code: errorCode(error), numTries, hadToken };
    }
  }

  spawn(): void {
    const worker = new SimWorker(++this.#lastId);
    this.#workers.set(worker.id, worker);
  }

  #choose(
    place: Place,
    { asked, progress }: { readonly asked: Asked; readonly progress: PieceProgress },
    onSent: (sequence: SimSequence) => void,
  ): Choice<Piece> {
    const { instance: wanted, avoid } = place;
    const live = this.#view.filter((id) => !avoid.includes(id));
    const instance = wanted ?? live[Math.floor(this.#random() * live.length)];
    if (instance === undefined) throw new NoWorkersError("Worker");
    const worker = () => {
      const found = this.#workers.get(instance);
      if (!found) throw new ActorDownError(`actor ${instance} is not running`);
      return found;
    };
    return {
      instance,
      begin: () => {
        const sequence = new SimSequence(asked, progress.numTokens);
        sequence.join(this.#workers.get(instance));
        onSent(sequence);
        return sequence;
      },
      firstToken() {},
      ping: async () => worker().ping(),
      release() {},
    };
  }
}

class PieceProgress implements Progress<Piece> {
  readonly #numWanted: number;
  numTokens = 0;

  constructor(numWanted: number) {
    this.#numWanted = numWanted;
  }

  get hasBegun(): boolean {
    return this.numTokens > 0;
  }

  get isOver(): boolean {
    return this.numTokens === this.#numWanted;
  }

  add(piece: Piece): Piece {
    this.numTokens++;
    return piece;
  }

  clear(): void {
    this.numTokens = 0;
  }
}

export class SimWorker {
  readonly id: number;
  readonly sequences = new Set<SimSequence>();
  readonly #pings: PromiseWithResolvers<void>[] = [];

  constructor(id: number) {
    this.id = id;
  }

  die(ended: ActorEnding): void {
    const error = new ActorDownError(`worker ${this.id} ended`, ended);
    for (const sequence of this.sequences) sequence.fail(error);
    for (const ping of this.#pings) ping.reject(error);
  }

  /** Hears what it was told: who has left, then the pings. */
  hear(): void {
    for (const sequence of this.sequences) if (sequence.hasLeft) this.sequences.delete(sequence);
    for (const ping of this.#pings.splice(0)) ping.resolve();
  }

  ping(): Promise<void> {
    const ping = Promise.withResolvers<void>();
    this.#pings.push(ping);
    return ping.promise;
  }
}

class SimSequence implements AsyncIterableIterator<Piece> {
  readonly asked: Asked;
  hasLeft = false;
  #worker: SimWorker | undefined;
  #numGiven: number;
  readonly #results: (IteratorResult<Piece> | Error)[] = [];
  #reader: PromiseWithResolvers<IteratorResult<Piece>> | undefined;

  /** It goes on behind `numGiven` tokens. */
  constructor(asked: Asked, numGiven: number) {
    this.asked = asked;
    this.#numGiven = numGiven;
  }

  get isDeadly(): boolean {
    const { isPoison, killsAfter = 0 } = this.asked;
    return isPoison && this.#numGiven >= killsAfter;
  }

  join(worker: SimWorker | undefined): void {
    this.#worker = worker;
    worker?.sequences.add(this);
    if (!worker) this.fail(new ActorDownError("it is not running: it has ended, or never was"));
  }

  give(): void {
    if (this.hasLeft) return;
    this.#results.push({ done: false, value: { token: this.#numGiven++ } });
    if (this.#numGiven === this.asked.numTokens) {
      this.#results.push({ done: true, value: undefined });
      this.#worker?.sequences.delete(this);
    }
    this.#settle();
  }

  fail(error: Error): void {
    this.#results.push(error);
    this.#settle();
  }

  next(): Promise<IteratorResult<Piece>> {
    this.#reader = Promise.withResolvers();
    const { promise } = this.#reader;
    this.#settle();
    return promise;
  }

  /** The worker has not heard of it yet. */
  async return(): Promise<IteratorResult<Piece>> {
    this.hasLeft = true;
    this.#results.splice(0, Infinity, { done: true, value: undefined });
    this.#settle();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  #settle(): void {
    const result = this.#reader && this.#results.shift();
    if (!result) return;
    const reader = this.#reader;
    this.#reader = undefined;
    if (result instanceof Error) reader?.reject(result);
    else reader?.resolve(result);
  }
}
