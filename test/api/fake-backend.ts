// A backend that answers with made-up words: the same prompt, seed and choice give the same text.
// It does what a correct one must: stop strings across tokens, limits, cancelling at once.

import { DynamoError } from "../../src/base/error.ts";
import type { OpenAIBackend, ServedModel, Settings } from "../../src/door/backend.ts";
import type {
  ChatCompletionRequest,
  CompletionRequest,
  GenerationRequest,
} from "../../src/protocol/chat.ts";
import type { FinishReason, TextOutput } from "../../src/protocol/llm.ts";
import type { DetokenizeRequest, TokenizeRequest } from "../../src/protocol/tokens.ts";

export const FAKE_MODEL = "fake/words-1";
const MAX_MODEL_LEN = 512;

export class FakeBackend implements OpenAIBackend {
  readonly served: readonly ServedModel[] = [
    { id: FAKE_MODEL, created: 1_700_000_000, maxModelLen: MAX_MODEL_LEN },
  ];
  readonly settings = new FakeSettings();
  /** Instances that were asked to end. */
  readonly drained: string[] = [];
  /** Streams that were opened and have not ended. */
  numOpen = 0;

  models() {
    return this.served;
  }

  async whenServed() {}

  isKnown() {
    return false;
  }

  isStarting() {
    return false;
  }

  endpoints() {
    return ["dyn://dynamo.Processor.chat"];
  }

  chat(request: ChatCompletionRequest) {
    return this.#stream(request, [request.messages.map(({ content }) => content).join("\n")]);
  }

  complete(request: CompletionRequest) {
    return this.#stream(request, request.prompts);
  }

  /** The first time it begins, and then it is done. */
  async drain(instance: string) {
    const state = this.drained.includes(instance) ? ("drained" as const) : ("draining" as const);
    this.drained.push(instance);
    return { state, timeoutMs: 2000 };
  }

  /** One token a word, numbered by its length. */
  async tokenize({ prompt, wants }: TokenizeRequest) {
    const text =
      prompt.type === "text"
        ? prompt.text
        : prompt.chat.messages.map(({ role, content }) => `<${role}> ${content}`).join(" ");
    const words = text.split(" ");
    if (words.length > MAX_MODEL_LEN) {
      throw new OverflowError("too long", { prompt_tokens: words.length, max_model_len: 512 });
    }
    return {
      tokenIds: Int32Array.from(words, (word) => word.length),
      maxModelLen: MAX_MODEL_LEN,
      ...(wants === "spellings" && { spellings: words }),
      ...(wants === "text" && { text }),
    };
  }

  async detokenize({ tokenIds }: DetokenizeRequest) {
    return Array.from(tokenIds, (id) => "x".repeat(id)).join(" ");
  }

  /** One worker that holds a block, stores another behind it, and forgets both. */
  async *kvEvents() {
    const [first, second] = [14643705804678351452n, 4945711292740353085n];
    const blocks = [{ blockHash: first, tokensHash: first }];
    const stored = [{ type: "stored" as const, blocks }];
    const snapshot = { nextEventId: 3, stored };
    yield { instance: 7, value: { type: "snapshot" as const, snapshot } };
    const next = { blockHash: second, tokensHash: 16777012769546811212n };
    const data = { type: "stored" as const, parentHash: first, blocks: [next] };
    const removed = { type: "removed" as const, blockHashes: [second, first] };
    const events = [
      { eventId: 3, data },
      { eventId: 4, data: removed },
    ];
    yield { instance: 7, value: { type: "events" as const, events } };
  }

  async metrics() {
    return "vllm:num_requests_running 0\n";
  }

  #stream(request: GenerationRequest, prompts: readonly (string | Int32Array)[]) {
    const choices = prompts.flatMap((prompt, p) =>
      Array.from({ length: request.n }, (_, c) =>
        choiceOf(request, prompt, { index: p * request.n + c, choice: c }),
      ),
    );
    this.numOpen++;
    return interleave(choices, () => this.numOpen--);
  }
}

/** One setting, `Router.mode`, which may be `kv` or `random`. */
class FakeSettings implements Settings {
  #mode: unknown = "random";

  async list() {
    return [{ service: "Router", key: "mode", value: this.#mode }];
  }

  async set({ service, key, value }: Parameters<Settings["set"]>[0]) {
    if (`${service}.${key}` !== "Router.mode") throw new SettingError("no_such_setting");
    if (value !== "kv" && value !== "random") throw new SettingError("invalid_setting");
    this.#mode = value;
  }
}

class SettingError extends DynamoError {
  override readonly code: string;

  constructor(code: string) {
    super("there is Router.mode, kv or random");
    this.code = code;
  }
}

/** One output of each choice in turn, a turn of the event loop between rounds. */
function interleave(choices: Generator<TextOutput>[], onEnd: () => void) {
  let open = choices;
  const round: TextOutput[] = [];
  let hasEnded = false;
  const end = () => {
    if (!hasEnded) onEnd();
    hasEnded = true;
    return { done: true as const, value: undefined };
  };
  const iterator: AsyncIterableIterator<TextOutput> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      if (round.length === 0 && !hasEnded) {
        await new Promise((resolve) => setImmediate(resolve));
        open = open.filter((choice) => {
          const { done, value } = choice.next();
          if (!done) round.push(value);
          return !done;
        });
      }
      const output = hasEnded ? undefined : round.shift();
      return output ? { done: false, value: output } : end();
    },
    async return() {
      return end();
    },
  };
  return iterator;
}

function choiceOf(
  request: GenerationRequest,
  prompt: string | Int32Array,
  { index, choice }: { readonly index: number; readonly choice: number },
) {
  const numPromptTokens = typeof prompt === "string" ? countWords(prompt) : prompt.length;
  const room = MAX_MODEL_LEN - numPromptTokens;
  if (room < 1 || (request.maxTokens ?? 1) > room) {
    throw new OverflowError("too long", {
      prompt_tokens: numPromptTokens,
      max_tokens: request.maxTokens ?? null,
      max_model_len: MAX_MODEL_LEN,
    });
  }
  return generate(
    request,
    { numPromptTokens, index, random: randomOf(request, prompt, choice) },
    room,
  );
}

interface Sequence {
  readonly numPromptTokens: number;
  readonly index: number;
  readonly random: () => number;
}

function* generate(request: GenerationRequest, sequence: Sequence, room: number) {
  const byDefault = "prompts" in request ? Math.min(16, room) : room;
  const maxTokens = request.maxTokens ?? byDefault;
  const holdBack = Math.max(0, ...request.stop.map((stop) => stop.length - 1));
  let text = "";
  let shown = 0;
  let finishReason: FinishReason | undefined;
  for (let numTokens = 1; finishReason === undefined; numTokens++) {
    const mayStop = !request.ignoreEos && numTokens > request.minTokens;
    if (mayStop && sequence.random() < 1 / 200) finishReason = "stop";
    else text += WORDS[Math.floor(sequence.random() * WORDS.length)];
    const stops = request.stop.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    if (stops.length > 0) {
      text = text.slice(0, Math.min(...stops));
      finishReason = "stop";
    } else if (numTokens === maxTokens) finishReason ??= "length";
    const safe = finishReason === undefined ? Math.max(shown, text.length - holdBack) : text.length;
    yield {
      index: sequence.index,
      text: text.slice(shown, safe),
      numTokens: 1,
      numPromptTokens: sequence.numPromptTokens,
      numCachedTokens: 0,
      ...(finishReason === undefined ? {} : { finishReason }),
    };
    shown = safe;
  }
}

function randomOf(request: GenerationRequest, prompt: string | Int32Array, choice: number) {
  const isGreedy = request.temperature === 0 || request.topK === 1;
  const seed = isGreedy ? "greedy" : `${request.seed ?? Math.random()} ${choice}`;
  let state = Number(Bun.hash.xxHash32(`${seed} ${prompt}`));
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function countWords(text: string): number {
  return Math.max(1, text.split(/\s+/).filter(Boolean).length);
}

const WORDS =
  " once there was a little cat and the big dog ran to play in garden with her ball, she said it is so nice! café 日本 🙂"
    .split(" ")
    .map((word) => ` ${word}`);

class OverflowError extends DynamoError {
  override readonly code = "context_length_exceeded";
}
