// A frontend's requests on their way to the processors, or to workers that serve chats themselves: tried again while
// the client has been sent nothing, and refused if they kill the instances that they come to.

import { type InstanceId, NoWorkersError } from "dynamo";

import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { ChatCompletionRequest, CompletionRequest } from "../../protocol/chat.ts";
import type { TextOutput } from "../../protocol/llm.ts";
import { contentOfRequest } from "../dispatch/content.ts";
import { type Choice, Dispatcher, type Place } from "../dispatch/dispatch.ts";
import { Quarantine } from "../dispatch/quarantine.ts";

export interface FrontendDispatchOptions {
  /** That requests go to. */
  readonly service: string;
  readonly instances: () => readonly InstanceId[];
  readonly ping: (instance: InstanceId) => Promise<unknown>;
  readonly waitMs: () => number;
  readonly clock: Clock;
  readonly log: Logger;
}

type Begin = (instance: InstanceId) => AsyncIterableIterator<TextOutput>;

export class FrontendDispatch {
  readonly #options: FrontendDispatchOptions;
  readonly #quarantine: Quarantine;
  readonly #dispatcher: Dispatcher;

  constructor(options: FrontendDispatchOptions) {
    const { clock, service, waitMs, log } = options;
    this.#options = options;
    this.#quarantine = new Quarantine({
      clock,
      onCondemned: (content, instance) => {
        const fields = { service, id: instance, content: content.toString(16) };
        log.error("a request has killed an instance and is refused from now on", fields);
      },
    });
    this.#dispatcher = new Dispatcher({ clock, service, waitMs, quarantine: this.#quarantine });
  }

  setLive(live: readonly InstanceId[]): void {
    this.#quarantine.setLive(live);
  }

  /** The answer's `return()` ends the request at once, whatever it waits for. */
  run(
    request: ChatCompletionRequest | CompletionRequest,
    begin: Begin,
  ): AsyncIterableIterator<TextOutput> {
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    let hasSent = false;
    let current: AsyncIterator<TextOutput> | undefined;
    const outputs = this.#dispatcher.run<TextOutput>({
      content: contentOfRequest(request),
      wanted: undefined,
      choose: async (place) => this.#choose(place, (instance) => (current = begin(instance))),
      hasSent: () => hasSent,
      left,
    });
    const answer: AsyncIterableIterator<TextOutput> = {
      async next() {
        const result = await outputs.next();
        hasSent ||= request.stream && !result.done && saysSomething(result.value);
        return result;
      },
      async return() {
        leave();
        await current?.return?.();
        await outputs.return(undefined);
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => answer,
    };
    return answer;
  }

  #choose({ instance: wanted, avoid }: Place, begin: Begin): Choice<TextOutput> {
    const { instances, service, ping } = this.#options;
    const live = instances().filter((one) => !avoid.includes(one));
    const isLive = wanted !== undefined && live.includes(wanted);
    const instance = isLive ? wanted : live[Math.floor(Math.random() * live.length)];
    if (instance === undefined) throw new NoWorkersError(service);
    return {
      instance,
      begin: () => begin(instance),
      firstToken() {},
      ping: () => ping(instance),
      release() {},
    };
  }
}

/** The client has been sent a part of its answer. */
function saysSomething(output: TextOutput): boolean {
  const { text, reasoning, toolCalls, logprobs, tokenIds, echo } = output;
  return text !== "" || [reasoning, toolCalls, logprobs, tokenIds, echo].some((told) => told);
}
