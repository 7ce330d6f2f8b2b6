// Finds requests that kill workers. A ledger of the sequences on their way says which of them had no token yet when a
// worker died:
//
//   waiting --permit, sent--> at a worker, no token --token--> at a worker, has a token
//      ^                         |
//      +---- the worker died ----+  alone: condemned.  In company: all are suspects, and each is tried alone.
//
// A sequence that has migrated had tokens from an earlier worker, which speaks for it: alone at one death it is a suspect,
// and at the second without a token in between it is condemned. So a fault that comes late, at some token, costs three.
//
// Sequences of one content count as one, since it is the content that kills. A content without a token is at no more
// than `MAX_SPREAD` workers, and a suspect is tried by one sequence, at a worker that has no other without a token.
// So one content kills at most MAX_SPREAD + 1 workers, and no content is condemned for what another has killed.
// All of this is one caller's view: several Processors have a ledger each.

import type { ActorEnding, InstanceId } from "dynamo";

import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { DynamoError } from "../../base/error.ts";

/** The name of what a sequence asks for: its token ids and sampling, without the seed. */
export type Content = bigint;

/** The workers that a sequence may go to now: any but some, one only, or none yet. */
export type Permit =
  | { readonly type: "any"; readonly avoid: readonly InstanceId[] }
  | { readonly type: "only"; readonly worker: InstanceId }
  | { readonly type: "wait" };

export interface QuarantineOptions {
  readonly clock: Clock;
  readonly onCondemned: (content: Content, worker: InstanceId) => void;
}

/** Workers that may have a content before one of them has given a token for it. */
const MAX_SPREAD = 2;
const REMEMBERED_MS = 10 * 60_000;
/** Contents that are remembered; the oldest is forgotten first. */
const MAX_REMEMBERED = 4096;

/** Deaths in a row that end a sequence which had tokens before. */
const MAX_STRIKES = 2;

/** Deaths with or without tokens after which a sequence is not tried again if it was at nearly all that there were. */
const MAX_DEATHS = 16;
const NEARLY_ALL = 0.9;
/** The same, wherever else workers died. */
const MAX_DEATHS_IN_ALL = 100;

/** Workers that are remembered to have ended. */
const MAX_DEAD = 256;

const WAIT: Permit = { type: "wait" };

/** One sequence (or request) on its way, from `open` to `close`. */
export class Trial {
  readonly content: Content;
  /** Rejects if its content is condemned while it is at a worker without a token: it is called back from there. */
  readonly condemned: Promise<never>;
  readonly condemn: (error: Error) => void;
  /** The worker that has it; undefined while it waits. */
  worker: InstanceId | undefined;
  hasToken = false;
  /** It was at a death in company: it is tried alone, even if another of its content had a token meanwhile. */
  isSuspect = false;
  /** It had a token from this worker, or from an earlier one. */
  hasHadToken = false;
  /** Deaths that it was at, and all of the process before it came; those that no order caused. */
  numDeaths = 0;
  numDeathsBefore = 0;
  /** Deaths that it was at without a token, since its last token. */
  numStrikes = 0;
  /** The worker that is kept free for it. */
  reserved: InstanceId | undefined;

  constructor(content: Content) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined); // It may be at no worker: its next permit tells it.
    this.content = content;
    this.condemned = promise;
    this.condemn = reject;
  }
}

interface Verdict {
  readonly type: "suspect" | "condemned";
  readonly worker: InstanceId;
  /** In the clock's `now`. */
  readonly until: number;
}

export class Quarantine {
  readonly #options: QuarantineOptions;
  readonly #open = new Map<Content, Set<Trial>>();
  readonly #atWorker = new Map<InstanceId, Set<Trial>>();
  readonly #reserved = new Map<InstanceId, Trial>();
  /** Oldest first. */
  readonly #verdicts = new Map<Content, Verdict>();
  /** Known to have ended, perhaps before the list of live workers says so. Oldest first. */
  readonly #dead = new Set<InstanceId>();
  #live: readonly InstanceId[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;
  #numDeaths = 0;

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  /** Sequences on their way. */
  get numOpen(): number {
    return [...this.#open.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get live(): readonly InstanceId[] {
    return this.#live;
  }

  /** Resolves at the next change that may let a waiting sequence go. */
  changed(): Promise<void> {
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Has all that wait look again. */
  wake(): void {
    this.#tell();
  }

  setLive(live: readonly InstanceId[]): void {
    this.#live = live.filter((worker) => !this.#dead.has(worker));
    this.#tell();
  }

  open(content: Content): Trial {
    const trial = new Trial(content);
    trial.numDeathsBefore = this.#numDeaths;
    addTo(this.#open, content, trial);
    return trial;
  }

  close(trial: Trial): void {
    this.left(trial);
    removeFrom(this.#open, trial.content, trial);
  }

  /** `wanted`: the one worker that it may go to. Throws `RequestKillsWorkersError`. */
  permit(trial: Trial, wanted?: InstanceId): Permit {
    const verdict = this.#verdictOf(trial.content);
    if (verdict?.type === "condemned") throw this.#refusal(verdict);
    if (verdict && this.#isTriedElsewhere(trial)) {
      this.#release(trial); // Two of one content that each kept a worker would wait for each other.
      return WAIT;
    }
    if (verdict) return this.#permitAlone(trial, wanted);
    if (trial.isSuspect) return this.#permitAlone(trial, wanted);
    this.#release(trial); // Its content was cleared meanwhile.
    const avoid = this.#forbiddenTo(trial);
    const choices = wanted === undefined ? this.#live : [wanted];
    if (choices.length > 0 && choices.every((one) => avoid.includes(one))) return WAIT;
    return { type: "any", avoid: [...avoid, ...this.#dead] };
  }

  /** Notes that it is sent to `worker` now. False if it may not be there any more: it asks for a permit again. */
  sent(trial: Trial, worker: InstanceId): boolean {
    if (this.#verdictOf(trial.content)?.type === "condemned") return false;
    if (this.permit(trial, worker).type === "wait") return false;
    trial.worker = worker;
    trial.hasToken = false;
    addTo(this.#atWorker, worker, trial);
    return true;
  }

  /** It has its first token from this worker. */
  token(trial: Trial): void {
    trial.hasToken = true;
    trial.hasHadToken = true;
    trial.isSuspect = false;
    trial.numStrikes = 0;
    if (this.#verdicts.get(trial.content)?.type === "suspect") this.#verdicts.delete(trial.content);
    this.#release(trial);
    this.#tell();
  }

  /** False if so many workers died with it that it may be the cause, though each had given it tokens. */
  mayGoOn({ numDeaths, numDeathsBefore }: Trial): boolean {
    if (numDeaths < MAX_DEATHS) return true;
    const isAtAll = numDeaths >= NEARLY_ALL * (this.#numDeaths - numDeathsBefore);
    return !isAtAll && numDeaths < MAX_DEATHS_IN_ALL;
  }

  /** It is at no worker any more, for another reason than a death. */
  left(trial: Trial): void {
    if (trial.worker !== undefined) removeFrom(this.#atWorker, trial.worker, trial);
    trial.worker = undefined;
    this.#release(trial);
    this.#tell();
  }

  /** Its worker had ended before it could get there. */
  unreached(trial: Trial): void {
    const { worker } = trial;
    this.left(trial);
    if (worker !== undefined) this.gone(worker);
  }

  /** The worker has ended: no sequence goes there any more. */
  gone(worker: InstanceId): void {
    this.#bury(worker);
    this.#tell();
  }

  /** Each sequence that was there may tell it. One that was sent later was not at the death. */
  died(worker: InstanceId, ended: ActorEnding): void {
    const isNews = !this.#dead.has(worker);
    const there = [...(this.#atWorker.get(worker) ?? [])];
    const tokenless = there.filter(({ hasToken }) => !hasToken);
    for (const trial of there) this.left(trial);
    this.#bury(worker);
    if (isNews && ended !== "ordered") {
      this.#numDeaths++;
      for (const trial of there) trial.numDeaths++;
      this.#judge(worker, tokenless);
    }
    this.#tell();
  }

  #judge(worker: InstanceId, tokenless: readonly Trial[]): void {
    const contents = new Set(tokenless.map(({ content }) => content));
    const isExplained = [...contents].some((one) => this.#verdictOf(one)?.type === "condemned");
    if (isExplained) return;
    for (const trial of tokenless) {
      trial.isSuspect = true;
      trial.numStrikes++;
    }
    const isProof = contents.size === 1 && provesGuilt(tokenless);
    for (const content of contents) {
      this.#remember(content, isProof ? "condemned" : "suspect", worker);
      if (isProof) this.#condemn(content, worker);
    }
  }

  /** Those of it that are still at other workers are called back before they kill these too. */
  #condemn(content: Content, worker: InstanceId): void {
    this.#options.onCondemned(content, worker);
    const verdict = this.#verdicts.get(content);
    assert(verdict, "what was just remembered is there");
    for (const trial of this.#open.get(content) ?? []) {
      if (!trial.hasToken) trial.condemn(this.#refusal(verdict));
    }
  }

  #bury(worker: InstanceId): void {
    this.#dead.add(worker);
    const [oldest] = this.#dead;
    if (this.#dead.size > MAX_DEAD && oldest !== undefined) this.#dead.delete(oldest);
    this.#live = this.#live.filter((one) => one !== worker);
  }

  #remember(content: Content, type: Verdict["type"], worker: InstanceId): void {
    this.#verdicts.delete(content); // To be the youngest.
    this.#verdicts.set(content, {
      type,
      worker,
      until: this.#options.clock.now() + REMEMBERED_MS,
    });
    const [oldest] = this.#verdicts.keys();
    if (this.#verdicts.size > MAX_REMEMBERED && oldest !== undefined) this.#verdicts.delete(oldest);
  }

  #verdictOf(content: Content): Verdict | undefined {
    const verdict = this.#verdicts.get(content);
    if (verdict === undefined || this.#options.clock.now() < verdict.until) return verdict;
    this.#verdicts.delete(content);
    return undefined;
  }

  #isTriedElsewhere(trial: Trial): boolean {
    for (const other of this.#open.get(trial.content) ?? []) {
      if (other === trial) continue;
      if (other.reserved !== undefined || (other.worker !== undefined && !other.hasToken))
        return true;
    }
    return false;
  }

  /** Keeps a worker free for it; it may go there when the others there have their tokens. */
  #permitAlone(trial: Trial, wanted: InstanceId | undefined): Permit {
    if (wanted !== undefined && !this.#live.includes(wanted))
      return { type: "only", worker: wanted };
    const worker = this.#reserve(trial, wanted);
    if (worker === undefined) return WAIT;
    const isFree = [...(this.#atWorker.get(worker) ?? [])].every(
      ({ hasToken, content }) => hasToken || content === trial.content,
    );
    return isFree ? { type: "only", worker } : WAIT;
  }

  #reserve(trial: Trial, wanted: InstanceId | undefined): InstanceId | undefined {
    const { reserved } = trial;
    const isKept = reserved !== undefined && this.#live.includes(reserved);
    if (isKept && (wanted ?? reserved) === reserved) return reserved;
    this.#release(trial);
    // Half of the workers go on serving those that nothing is held against.
    if (this.#reserved.size >= Math.max(1, this.#live.length >> 1)) return undefined;
    const worker = this.#live
      .filter((one) => !this.#reserved.has(one) && (wanted ?? one) === one)
      .toSorted((a, b) => this.#numTokenless(a) - this.#numTokenless(b))[0];
    if (worker === undefined) return undefined;
    trial.reserved = worker;
    this.#reserved.set(worker, trial);
    return worker;
  }

  #release(trial: Trial): void {
    if (trial.reserved === undefined) return;
    this.#reserved.delete(trial.reserved);
    trial.reserved = undefined;
    this.#tell();
  }

  #numTokenless(worker: InstanceId): number {
    return [...(this.#atWorker.get(worker) ?? [])].filter(({ hasToken }) => !hasToken).length;
  }

  #forbiddenTo(trial: Trial): readonly InstanceId[] {
    const reserved = [...this.#reserved.keys()];
    const has = new Set<InstanceId>();
    for (const { worker, hasToken } of this.#open.get(trial.content) ?? []) {
      if (hasToken) return reserved;
      if (worker !== undefined) has.add(worker);
    }
    if (has.size < MAX_SPREAD) return reserved;
    return [...reserved, ...this.#live.filter((one) => !has.has(one))];
  }

  #refusal({ worker, until }: Verdict): RequestKillsWorkersError {
    const { clock } = this.#options;
    const retryAt = new Date(clock.wallTime() + until - clock.now()).toISOString();
    return new RequestKillsWorkersError({ worker, retryAt });
  }

  #tell(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}

/** A worker died of this request, so it is run by no other for a while. Clients get 500. */
export class RequestKillsWorkersError extends DynamoError {
  override readonly code = "request_kills_workers";

  constructor(of: { readonly worker: InstanceId; readonly retryAt: string }) {
    super(
      `This request is not run: a worker ended while this was the only request that it had given no token for. ` +
        `The server's log has the cause in its line with id=${of.worker}. ` +
        `The same prompt and sampling are refused until ${of.retryAt}; try another prompt, or try again then.`,
      { instance: of.worker, retry_at: of.retryAt },
    );
  }
}

/** True if a death is held against a content whose sequences, these, were alone without a token at it. */
function provesGuilt(tokenless: readonly Trial[]): boolean {
  const hadTokens = tokenless.some(({ hasHadToken }) => hasHadToken);
  return !hadTokens || tokenless.some(({ numStrikes }) => numStrikes >= MAX_STRIKES);
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
