// One answer on its way: it reads the backend's stream and writes a whole answer or events.
//
//   backend --TextOutput--> Generation --answer()--> JSON
//                                      --pump()----> EventSink
//
// It ends in one of five ways: the backend's stream ends; it throws; the client is gone (abandon); it takes too long
// (timeOut); the server stops (shutDown). Each leaves the backend's stream at once.

import type { Clock } from "../base/clock.ts";
import { DynamoError, errorCode } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { TextOutput } from "../protocol/llm.ts";
import { overloaded, requestTimeout } from "./api-error.ts";
import { bestChoices } from "./best-choices.ts";
import { ChoiceText } from "./choice-text.ts";
import { type EventSink, SlowReaderError } from "./event-stream.ts";
import type { AnswerHead, BestChoices, EventWriter, WireFormat } from "./generation-route.ts";
import {
  type FrontendMetrics,
  type RequestLabels,
  RequestMeter,
  type RequestStatus,
} from "./metrics.ts";
import { Tally, type Usage } from "./tally.ts";

export interface GenerationOptions {
  readonly head: AnswerHead;
  readonly format: WireFormat;
  readonly numPrompts: number;
  readonly n: number;
  readonly best?: BestChoices | undefined;
  /** Calls the backend. */
  readonly open: () => AsyncIterable<TextOutput>;
  /** Told of each output as it comes. */
  readonly onOutput: ((output: TextOutput) => void) | undefined;
  readonly metrics: FrontendMetrics;
  readonly labels: RequestLabels;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once, when the answer has ended for whatever reason; `firstMs`: until its first token, if it had one. */
  readonly onEnd: (usage: Usage, firstMs: number | undefined) => void;
  /** The event that tells the client of an error in the middle of its stream. */
  readonly errorEvent: (error: unknown, write: EventWriter["failed"]) => string;
}

export class Generation {
  readonly #options: GenerationOptions;
  readonly #iterator: AsyncIterator<TextOutput>;
  readonly #tally: Tally;
  readonly #meter: RequestMeter;
  #state: "running" | "shut_down" | "timed_out" | "ended" = "running";
  readonly #startedAt: number;
  #first: TextOutput | undefined;
  #firstMs: number | undefined;

  constructor(options: GenerationOptions) {
    const { open, metrics, labels, clock } = options;
    this.#options = options;
    this.#iterator = open()[Symbol.asyncIterator]();
    this.#tally = new Tally(options);
    this.#startedAt = clock.now();
    this.#meter = new RequestMeter(metrics, labels, clock);
  }

  /** Waits for the first output, so that what fails before it is still an HTTP status. */
  async start(): Promise<void> {
    try {
      this.#first = await this.#next();
      this.#firstMs = this.#options.clock.now() - this.#startedAt;
      if (this.#first === undefined) throw overloaded(SHUT_DOWN);
    } catch (error) {
      this.#end("error");
      throw error;
    }
  }

  /** The whole answer. At a shutdown, what there is; throws where that is nothing. */
  async answer(): Promise<object> {
    const { head, format, best } = this.#options;
    const choices = this.#tally.choiceTokens.map(() => new ChoiceText());
    const annotations = {};
    try {
      for (let output = this.#first; output; output = await this.#next()) {
        choices[output.index]?.add(output);
        Object.assign(annotations, output.annotations);
      }
      if (choices.every((choice) => choice.isEmpty)) throw overloaded(SHUT_DOWN);
    } catch (error) {
      this.#end("error");
      throw error;
    }
    this.#end("success");
    const whole = choices.map((choice) => choice.whole(SHUT_DOWN));
    const told = best === undefined ? whole : bestChoices(whole, best);
    const answer = format.answer(head, told, this.#tally.usage());
    return Object.keys(annotations).length === 0 ? answer : { ...answer, nvext: annotations };
  }

  /** The answer as events. Throws only to have the connection cut. */
  async pump(sink: EventSink): Promise<void> {
    const { head, format } = this.#options;
    const writer = format.events(head);
    const usage = () => this.#tally.usage();
    try {
      for (let output = this.#first; output; output = await this.#next()) {
        const events = writer.output(output, usage);
        const behind = events === "" ? undefined : sink.write(events);
        if (behind) await behind;
      }
    } catch (error) {
      await this.#fail(error, sink, writer);
      return;
    }
    if (this.#tally.openChoices().length > 0) {
      await this.#fail(overloaded(SHUT_DOWN), sink, writer);
      return;
    }
    this.#end("success");
    await sink.write(writer.end(usage()));
  }

  /** The client is gone and waits for no answer. */
  abandon(): void {
    if (this.#state === "ended") return;
    this.#leave();
    this.#end("error");
  }

  /** Ends now: a stream with an error event, a whole answer with what there is. */
  shutDown(): void {
    if (this.#state !== "running") return;
    this.#state = "shut_down";
    this.#leave();
  }

  /** Ends now, with an error. */
  timeOut(): void {
    if (this.#state !== "running") return;
    this.#state = "timed_out";
    this.#leave();
  }

  /** The next output, entered in the books; `undefined` at the end, and with open choices at a shutdown. */
  async #next(): Promise<TextOutput | undefined> {
    try {
      const result = await this.#iterator.next();
      if (this.#isTimedOut) throw requestTimeout();
      if (this.#state !== "running") return undefined;
      if (!result.done) {
        this.#tally.add(result.value);
        this.#meter.output(result.value);
        this.#options.onOutput?.(result.value);
        return result.value;
      }
    } catch (error) {
      if (this.#isTimedOut) throw requestTimeout();
      if (this.#state !== "running" || errorCode(error) === SHUT_DOWN) return undefined;
      throw error;
    }
    const [open] = this.#tally.openChoices();
    if (open !== undefined) throw new CutShortError(open);
    return undefined;
  }

  /** Asked for behind an `await`, where the compiler takes the state for what it was. */
  get #isTimedOut(): boolean {
    return this.#state === "timed_out";
  }

  async #fail(error: unknown, sink: EventSink, writer: EventWriter): Promise<void> {
    if (error instanceof SlowReaderError) {
      this.#options.log.warn(`a stream was cut: ${error.message}`, { request: this.#id });
      this.abandon();
      throw error;
    }
    this.#end("error");
    await sink.write(this.#options.errorEvent(error, writer.failed?.bind(writer)));
  }

  #leave(): void {
    this.#iterator.return?.().catch((error: unknown) => {
      const fields = { request: this.#id, error: String(error) };
      this.#options.log.warn("a cancelled request did not end well", fields);
    });
  }

  get #id(): string {
    return this.#options.head.id;
  }

  #end(status: RequestStatus): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#meter.end(status, this.#tally);
    this.#options.onEnd(this.#tally.usage(), this.#firstMs);
  }
}

const SHUT_DOWN = "server_shutdown";

/** A backend broke its word: every choice ends with a finish reason. */
class CutShortError extends DynamoError {
  constructor(index: number) {
    super(`the backend's stream ended before choice ${index} had its finish reason`);
  }
}
