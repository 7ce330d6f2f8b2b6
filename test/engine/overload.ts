// A mocked engine under more load than it can do, in the time of a manual clock.

import { DynamoError } from "../../src/base/error.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { MockRunner } from "../../src/engine/mock-runner.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";
import type { ManualClock } from "../manual-clock.ts";
import { promptOf, requestOf } from "./requests.ts";

const LIMITS = {
  maxNumSeqs: 16,
  maxNumBatchedTokens: 2048,
  maxModelLen: 4096,
  blockSize: 16,
  firstBlock: 0,
  numBlocks: 8192,
  vocabSize: 100,
};

export interface Outcome {
  readonly tenant: number;
  readonly arrivedAt: number;
  /** When its first token came. */
  firstAt?: number;
  endedAt?: number;
  refusedAt?: number;
  /** Seconds that its refusal told. */
  retryAfterS?: number;
}

export class Overload {
  readonly engine: LLMEngine;
  readonly outcomes: Outcome[] = [];
  readonly #clock: ManualClock;
  #numSent = 0;
  #isEnding = false;

  constructor(clock: ManualClock, maxQueueMs: number) {
    this.#clock = clock;
    this.engine = new LLMEngine({
      runner: new MockRunner({ limits: LIMITS, clock, speedupRatio: 1 }),
      config: { enablePrefixCaching: true, maxWaiting: 8192, maxStalled: 512, maxQueueMs },
      clock,
    });
    void this.engine.run();
  }

  /** Requests at random (Poisson), for `ms`; each is of the client that `tenantOf` says. */
  async offer(load: {
    readonly perSecond: number;
    readonly ms: number;
    readonly random: () => number;
    readonly tenantOf: (index: number) => number;
  }): Promise<void> {
    const { perSecond, ms, random, tenantOf } = load;
    let isOver = false;
    let index = 0;
    const next = () => {
      if (isOver) return;
      this.send(tenantOf(index++));
      this.#clock.after((-Math.log(1 - random()) * 1000) / perSecond, next);
    };
    next();
    await this.pass(ms);
    isOver = true;
  }

  /** Leaves what is open. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const closed = this.engine.close();
    await this.pass(200);
    await closed;
  }

  /** Lets time pass by milliseconds, with turns between them for a step to follow another. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      await this.#clock.advance(1);
      await this.#clock.turn();
    }
  }

  /** A request now, whose tokens are read as they come. */
  send(
    tenant: number,
    {
      maxTokens = 64,
      ...more
    }: Partial<PreprocessedRequest> & { readonly maxTokens?: number } = {},
  ): Outcome {
    const outcome: Outcome = { tenant, arrivedAt: this.#clock.now() };
    this.outcomes.push(outcome);
    const prompt = promptOf(64, ++this.#numSent, LIMITS.vocabSize);
    const request = { ...requestOf(prompt, { tenant, stop: { maxTokens } }), ...more };
    void this.#read(request, outcome);
    return outcome;
  }

  async #read(request: PreprocessedRequest, outcome: Outcome): Promise<void> {
    try {
      for await (const _ of this.engine.generate(request)) outcome.firstAt ??= this.#clock.now();
      outcome.endedAt = this.#clock.now();
    } catch (error) {
      if (this.#isEnding) return;
      if (!(error instanceof DynamoError) || error.code !== "queue_full") throw error;
      outcome.refusedAt = this.#clock.now();
      outcome.retryAfterS = Number(error.details["retry_after_s"]);
    }
  }
}
