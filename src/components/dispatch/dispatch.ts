// Sends a piece of work (a sequence; for a frontend, a request) to a worker and hands on what comes back. When the worker
// ends, the work goes to another:
//
//   a sequence with tokens      migrates: the next worker goes on behind them, and its reader notices nothing
//   work that has sent nothing  begins anew
//   other work                  fails as its worker did
//
// A worker whose queue is full refuses work at once, and it is offered to the others.
//
// `Quarantine` says where it may go, and that it may not go at all if it kills workers.

import {
  type ActorEnding,
  actorEnding,
  type InstanceId,
  isUnavailable,
  NoWorkersError,
  RemoteError,
} from "dynamo";

import type { Clock } from "../../base/clock.ts";
import { CancelledError, DynamoError, errorCode } from "../../base/error.ts";
import type { TokenOutput } from "../../protocol/llm.ts";
import type { Content, Permit, Quarantine, Trial } from "./quarantine.ts";

/** Workers that may refuse it since they are about to end. */
const MAX_REFUSALS = 4;
/** Workers that may end after they had given a token: that says nothing of the work, so nothing else bounds them. */
const MAX_LATE_DEATHS = 3;
/** How long work may wait for its turn at a worker that is kept free for one suspect at a time. */
const MAX_TURN_WAIT_MS = 60_000;
/** Workers without a token in between. The quarantine ends what kills them; this ends what finds none that lives. */
const MAX_ATTEMPTS = 32;

/** A piece of an answer. `index` tells the choices of a request apart. */
interface Output {
  readonly index?: number;
  readonly restarts?: true;
}

/** The outputs of a piece of work so far, from which another worker can go on. */
export interface Progress<T> {
  readonly hasBegun: boolean;
  /** All has come: how its worker ends makes no difference. */
  readonly isOver: boolean;
  /** Takes in an output; returns it as its reader gets it. */
  add(output: T): T;
  /** Forgets the outputs so far. */
  clear(): void;
}

/** Upstream's words: whether it had tokens. */
export type MigrationType = "new_request" | "ongoing_request";

export interface Migration {
  /** Migrations of one sequence without a token in between; 0: none migrates. Read at each. */
  readonly limit: () => number;
  readonly onMigration: (type: MigrationType) => void;
}

/** A worker that was chosen for one piece of work, until it is released. */
export interface Choice<T> {
  readonly instance: InstanceId;
  begin(): AsyncIterable<T>;
  firstToken(): void;
  /** Answers once the worker has heard all that it was told before. */
  ping(): Promise<unknown>;
  release(): void;
}

/** Work may go to `instance` if there is one, else to any but `avoid`. */
export interface Place {
  readonly instance: InstanceId | undefined;
  readonly avoid: readonly InstanceId[];
}

export interface Work<T> {
  readonly content: Content;
  /** The one worker that the client asks for. */
  readonly wanted: InstanceId | undefined;
  choose(place: Place): Promise<Choice<T>>;
  /** Absent where no worker can go on from another's outputs. */
  readonly progress?: Progress<T>;
  /** True if the client has been sent anything of it. */
  hasSent(): boolean;
  /** Resolves when its client has left, also while it waits for a worker. */
  readonly left: Promise<void>;
}

/** The workers that a piece of work was at so far, and how it went. */
interface Tries {
  /** Its client has left. */
  hasLeft: boolean;
  /** Workers that it was at in vain, since its last token if it migrates. */
  readonly failed: InstanceId[];
  numRefusals: number;
  numLateDeaths: number;
  /** Without a token in between. */
  numMigrations: number;
  /** How the worker ended that it migrates from. */
  cause: unknown;
  /** A worker's refusal of it because it would wait for too long; that of the one with the shortest wait. */
  busy: unknown;
  /** Indices of which the caller has outputs. */
  readonly begun: Set<number>;
  /** Those of them whose outputs a new start has made void. */
  stale: Set<number>;
}

export interface DispatcherOptions {
  readonly quarantine: Quarantine;
  readonly clock: Clock;
  /** The service of the workers, for messages. */
  readonly service: string;
  /** How long work waits for a worker where none is live. */
  readonly waitMs: () => number;
  /** Absent where no work has `progress`. */
  readonly migration?: Migration;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** After a new start, the first output of each index says `restarts`. Throws as the last worker did. */
  async *run<T extends Output>(work: Work<T>): AsyncGenerator<T> {
    const { quarantine } = this.#options;
    const trial = quarantine.open(work.content);
    const tries: Tries = {
      hasLeft: false,
      failed: [],
      numRefusals: 0,
      numLateDeaths: 0,
      numMigrations: 0,
      cause: undefined,
      busy: undefined,
      begun: new Set(),
      stale: new Set(),
    };
    // Once for all waits: each would leave its reaction on a promise that lives as long as the work.
    void work.left.then(() => {
      tries.hasLeft = true;
      quarantine.wake();
    });
    let choice: Choice<T> | undefined;
    try {
      for (;;) {
        choice = await this.#place(work, trial, tries);
        const outputs = choice.begin()[Symbol.asyncIterator]();
        try {
          let next = await Promise.race([outputs.next(), trial.condemned]);
          if (!next.done) {
            quarantine.token(trial);
            choice.firstToken();
            if (tries.cause !== undefined) settle(tries);
          }
          for (; !next.done; next = await outputs.next()) yield taken(next.value, work, tries);
          return;
        } catch (error) {
          this.#failed(choice.instance, trial, error, tries);
          if (work.progress?.isOver) return;
          this.#again(work, trial, error, tries);
        } finally {
          leave(outputs);
          choice.release();
        }
      }
    } finally {
      this.#close(trial, choice);
    }
  }

  #failed(instance: InstanceId, trial: Trial, error: unknown, tries: Tries): void {
    const { quarantine } = this.#options;
    const ended = endingOfCallee(error);
    tries.failed.push(instance);
    if (ended !== undefined && trial.hasToken) tries.numLateDeaths++;
    if (error instanceof RemoteError && errorCode(error) !== QUEUE_FULL) tries.numRefusals++;
    if (ended !== undefined) quarantine.died(instance, ended);
    else if (error instanceof RemoteError) quarantine.left(trial);
    else if (isUnavailable(error)) quarantine.unreached(trial);
  }

  /** A worker that it left without a token may not have heard so yet, and die of it. */
  #close<T>(trial: Trial, choice: Choice<T> | undefined): void {
    const { quarantine } = this.#options;
    if (choice === undefined || trial.worker === undefined || trial.hasToken) {
      quarantine.close(trial);
      return;
    }
    const { instance } = choice;
    choice
      .ping()
      .catch((error: unknown) => {
        const ended = endingOfCallee(error);
        if (ended !== undefined) quarantine.died(instance, ended);
      })
      .finally(() => quarantine.close(trial));
  }

  /** Readies it for another worker, if it may go to one. Throws if it may not. */
  #again<T>(work: Work<T>, trial: Trial, error: unknown, tries: Tries): void {
    if (errorCode(error) === QUEUE_FULL) {
      this.#takeBusy(work, error, tries);
      return;
    }
    const { limit, onMigration } = this.#options.migration ?? NO_MIGRATION;
    const { progress } = work;
    const migrates = limit() > 0;
    if (migrates && progress?.hasBegun) {
      if (!this.#mayMigrate(trial, error, tries, limit())) throw error;
      tries.cause = error;
      onMigration("ongoing_request");
      return;
    }
    if (work.hasSent() || !this.#mayRetry(trial, error, tries)) throw error;
    tries.stale = new Set(tries.begun);
    progress?.clear();
    if (migrates) onMigration("new_request");
  }

  /** Notes that a worker's queue is full. Throws where no other worker is to be asked. */
  #takeBusy<T>(work: Work<T>, error: unknown, tries: Tries): void {
    tries.busy = lessBusy(error, tries.busy);
    const hasAskedAll = tries.failed.length > this.#options.quarantine.live.length;
    const hasWaited = error instanceof DynamoError && error.details["has_waited"] === true;
    if (work.wanted !== undefined || hasAskedAll || hasWaited) throw tries.busy;
  }

  /** A worker that refused it, or that it did not reach, is no migration. */
  #mayMigrate(trial: Trial, error: unknown, tries: Tries, limit: number): boolean {
    const { quarantine } = this.#options;
    if (!isUnavailable(error)) return false;
    quarantine.permit(trial); // as below
    if (!quarantine.mayGoOn(trial)) return false;
    if (trial.hasToken || endingOfCallee(error) !== undefined) tries.numMigrations++;
    const { failed, numRefusals, numMigrations } = tries;
    return numMigrations <= limit && numRefusals < MAX_REFUSALS && failed.length < MAX_ATTEMPTS;
  }

  /** Throws if it was condemned, which says more than how its worker ended. */
  #mayRetry(trial: Trial, error: unknown, tries: Tries): boolean {
    if (!isUnavailable(error)) return false;
    // A worker that is told to end ends what it has begun; at a shutdown, what there is of it is the answer.
    if (trial.hasToken && endingOfCallee(error) === undefined) return false;
    this.#options.quarantine.permit(trial);
    const { failed, numRefusals, numLateDeaths } = tries;
    return (
      numRefusals < MAX_REFUSALS && numLateDeaths < MAX_LATE_DEATHS && failed.length < MAX_ATTEMPTS
    );
  }

  /** Waits its turn, and for a worker if there is none. The sequence then counts as sent to it. */
  async #place<T>(work: Work<T>, trial: Trial, tries: Tries): Promise<Choice<T>> {
    const { quarantine, clock, waitMs } = this.#options;
    const turnEndsAt = clock.now() + MAX_TURN_WAIT_MS;
    const wanted = wantedBy(work, tries);
    let giveUpAt: number | undefined;
    for (;;) {
      const changed = quarantine.changed();
      const permit = quarantine.permit(trial, wanted);
      const choice = await this.#choose({ ...work, wanted }, permit, tries);
      if (choice !== undefined) {
        if (!tries.hasLeft && quarantine.sent(trial, choice.instance)) return choice;
        choice.release();
        continue;
      }
      const isTaken = isHeldBack(permit, quarantine.live);
      giveUpAt = isTaken ? undefined : (giveUpAt ?? clock.now() + waitMs());
      const remainingMs = (giveUpAt ?? turnEndsAt) - clock.now();
      if (remainingMs <= 0) throw tries.cause ?? new NoWorkersError(this.#options.service);
      await this.#wait(changed, remainingMs);
    }
  }

  /** Undefined where there is no worker that it may go to. Throws where all that there are have refused it as full. */
  async #choose<T>(
    work: Work<T>,
    permit: Permit,
    { failed, busy, hasLeft }: Tries,
  ): Promise<Choice<T> | undefined> {
    if (hasLeft) {
      throw new CancelledError("the client left while its request waited for a worker");
    }
    if (permit.type === "wait") return undefined;
    try {
      if (permit.type === "any") {
        const avoid = [...failed, ...permit.avoid];
        return await work.choose({ instance: work.wanted, avoid });
      }
      return await work.choose({ instance: permit.worker, avoid: [] });
    } catch (error) {
      const code = errorCode(error);
      if (code === "no_workers" && busy !== undefined) throw busy;
      if (code === "no_workers") return undefined;
      // The worker that was kept free for it has ended.
      if (permit.type === "any" || code !== "invalid_request" || work.wanted !== undefined)
        throw error;
      this.#options.quarantine.gone(permit.worker);
      return undefined;
    }
  }

  async #wait(changed: Promise<void>, ms: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, late.resolve);
    await Promise.race([changed, late.promise]);
    timer.cancel();
  }
}

const QUEUE_FULL = "queue_full";

/** The refusal that asks for the shorter wait. */
function lessBusy(error: unknown, other: unknown): unknown {
  return retryAfterS(other) < retryAfterS(error) ? other : error;
}

function retryAfterS(error: unknown): number {
  const seconds = error instanceof DynamoError ? error.details["retry_after_s"] : undefined;
  return typeof seconds === "number" ? seconds : Number.POSITIVE_INFINITY;
}

/** Its end was heard already, or is not waited for: a worker that is gone cannot say how it took it. */
function leave(outputs: AsyncIterator<unknown>): void {
  outputs.return?.().catch(() => undefined);
}

const NO_MIGRATION: Migration = { limit: () => 0, onMigration() {} };

/** When the worker that a client asked for has ended, any other can finish what it began. */
function wantedBy({ wanted }: Work<unknown>, { cause }: Tries): InstanceId | undefined {
  return cause === undefined ? wanted : undefined;
}

/** It has a token again, so what it met on its way there counts no more. */
function settle(tries: Tries): void {
  tries.cause = undefined;
  tries.numMigrations = 0;
  tries.numRefusals = 0;
  tries.failed.length = 0;
}

// per output: no allocation, but after a new start or a migration
function taken<T extends Output>(output: T, work: Work<T>, { begun, stale }: Tries): T {
  const { index = 0 } = output;
  begun.add(index);
  const own = work.progress?.add(output) ?? output;
  return stale.delete(index) ? { ...own, restarts: true } : own;
}

/** How the callee ended while the call was at it; undefined for all else, as an end that the callee was told of. */
function endingOfCallee(error: unknown): ActorEnding | undefined {
  return error instanceof RemoteError ? undefined : actorEnding(error);
}

/** True if it has to wait for workers that it may go to later. */
function isHeldBack(permit: Permit, live: readonly InstanceId[]): boolean {
  if (permit.type === "any") return permit.avoid.some((worker) => live.includes(worker));
  return live.length > 0;
}

/** Tells the worker that a sequence would go to, and does not send it. */
export async function* queryInstance(
  chosen: Promise<Choice<TokenOutput>>,
): AsyncGenerator<TokenOutput> {
  const choice = await chosen;
  choice.release();
  const annotations = { worker_instance_id: String(choice.instance) };
  yield { tokenIds: [], numCachedTokens: 0, finishReason: "stop", annotations };
}
