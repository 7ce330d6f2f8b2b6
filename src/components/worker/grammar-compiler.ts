// Compiles grammars on a side thread, one after the other; tenants take turns. The thread begins with the first grammar and
// ends when it has had nothing to do for a while, or when a grammar takes it too long.

import type { ServiceContext, SideThread } from "dynamo";

import { unreachable } from "../../base/assert.ts";
import type { Timer } from "../../base/clock.ts";
import { DynamoError, RemoteError } from "../../base/error.ts";
import { FairQueue } from "../../base/fair-queue.ts";
import { GrammarError } from "../../grammar/grammar-error.ts";
import type { GrammarAnswer, GrammarJob, GrammarThreadInit } from "../../grammar/grammar-thread.ts";
import type { GrammarProgram } from "../../grammar/program.ts";
import type { TrieData } from "../../grammar/token-trie.ts";
import type { GrammarSource } from "../../protocol/grammar.ts";
import { TenantRoom } from "../processor/tenant-room.ts";
import { TextQueueFullError } from "../processor/text-client.ts";
import { WorkMeter } from "../processor/work-meter.ts";

/** The limits of src/grammar are counts of work, which take a second or two; this is for what they do not foresee. */
const COMPILE_LIMIT = { cpuMs: 10_000, wallMs: 200_000 };
const VOCABULARY_LIMIT = { cpuMs: 60_000, wallMs: 600_000 };
const MAX_WAITING = { numTexts: 512, numChars: 32 * 2 ** 20 };
const MAX_IDLE_MS = 10_000;

export interface CompiledVocabulary {
  readonly trie: TrieData;
  /** Texts of special tokens, by id. */
  readonly specials: ReadonlyMap<number, string>;
}

interface Job {
  readonly message: GrammarJob;
  readonly resolve: (answer: GrammarAnswer) => void;
  readonly reject: (error: Error) => void;
}

export interface GrammarCompilerOptions extends GrammarThreadInit {
  readonly context: Pick<ServiceContext, "sideThread" | "clock">;
}

export class GrammarCompiler {
  readonly #options: GrammarCompilerOptions;
  readonly #waiting = new FairQueue<Job>();
  readonly #room = new TenantRoom(MAX_WAITING);
  #thread: SideThread | undefined;
  #meter: WorkMeter | undefined;
  #job: Job | undefined;
  #idle: Timer | undefined;

  constructor(options: GrammarCompilerOptions) {
    this.#options = options;
  }

  /** Rejects with what `compileGrammar` throws, as it comes from another thread, or with `TextQueueFullError`. */
  async compile(source: GrammarSource, numChars: number, tenant: number): Promise<GrammarProgram> {
    if (!this.#room.tryTake(tenant, numChars))
      throw new TextQueueFullError("too many grammars wait to be compiled");
    try {
      const answer = await this.#run({ type: "compile", source }, tenant);
      if (answer.type === "program") return answer.program;
      throw new GrammarThreadError(`a grammar was answered by ${answer.type}`);
    } finally {
      this.#room.release(tenant, numChars);
    }
  }

  /** Rejects with what the model's tokenizer lacks. */
  async vocabulary(tenant: number): Promise<CompiledVocabulary> {
    const answer = await this.#run({ type: "vocabulary" }, tenant);
    if (answer.type === "vocabulary") return answer;
    throw new GrammarThreadError(`a vocabulary was answered by ${answer.type}`);
  }

  #run(message: GrammarJob, tenant: number): Promise<GrammarAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<GrammarAnswer>();
    this.#waiting.push(tenant, { message, resolve, reject });
    if (this.#job === undefined) this.#next();
    return promise;
  }

  #next(): void {
    this.#idle?.cancel();
    this.#job = this.#waiting.shift();
    const job = this.#job;
    if (job === undefined) {
      this.#idle = this.#options.context.clock.after(MAX_IDLE_MS, () => this.#end());
      return;
    }
    this.#thread ??= this.#spawn();
    this.#thread.post(job.message);
    const isCompile = job.message.type === "compile";
    this.#meter?.begin();
    this.#meter?.at(isCompile ? COMPILE_LIMIT : VOCABULARY_LIMIT, () => {
      this.#end();
      this.#fail(
        new GrammarError("grammar_too_complex", "grammar", "it takes too long to be compiled"),
      );
    });
  }

  #spawn(): SideThread {
    const { context, model, vocabSize } = this.#options;
    const thread = context.sideThread("grammar", { model, vocabSize } satisfies GrammarThreadInit);
    this.#meter = new WorkMeter(context.clock, thread);
    thread.onMessage((message) => this.#receive(message as GrammarAnswer)); // grammar.worker.ts
    thread.onExit((why) => {
      this.#end();
      this.#fail(
        new GrammarThreadError(`a grammar was not compiled: its thread has ended: ${why}`),
      );
    });
    return thread;
  }

  #receive(answer: GrammarAnswer): void {
    const job = this.#take();
    switch (answer.type) {
      case "program":
      case "vocabulary":
        job?.resolve(answer);
        break;
      case "refusal":
        job?.reject(new RemoteError(answer.error));
        break;
      default:
        unreachable(answer);
    }
    this.#next();
  }

  #fail(error: Error): void {
    this.#take()?.reject(error);
    this.#next();
  }

  #take(): Job | undefined {
    const job = this.#job;
    this.#job = undefined;
    this.#meter?.stop();
    return job;
  }

  #end(): void {
    this.#meter?.stop();
    this.#thread?.terminate();
    this.#thread = undefined;
  }
}

/** The thread that compiles has died, or ran out of memory. */
export class GrammarThreadError extends DynamoError {
  override readonly code = "grammar_failed";
}
