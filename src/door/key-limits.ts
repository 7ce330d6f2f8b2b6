// Limits of a key's clients: sequences at once, and tokens a minute. They are counted by name, since all keys of a name are one
// client's. A request reserves what it may need, and its reservation becomes use token by token; what it did not need
// is free at its end.

import type { Clock } from "../base/clock.ts";
import type { LimitedClient } from "../http/api-key.ts";
import type {
  ChatCompletionRequest,
  CompletionRequest,
  GenerationRequest,
} from "../protocol/chat.ts";
import type { TextOutput } from "../protocol/llm.ts";
import { ApiError, invalidRequest } from "./api-error.ts";
import { TokenWindow } from "./token-window.ts";

/** The use of one request, until its end. */
export interface KeyUse {
  output(output: TextOutput): void;
  /** Idempotent. */
  end(): void;
}

/** Sizes of a request, as far as they are known before it is run. */
interface Need {
  readonly numSequences: number;
  readonly numPrompts: number;
  /** Tokens of the prompts if they were sent as such, else undefined. */
  readonly promptTokens: number | undefined;
  readonly promptChars: number;
  /** Tokens of all outputs, if the client has bounded them. */
  readonly outputTokens: number | undefined;
}

/** Weight of the newest of the sizes that are remembered. */
const NEWEST = 1 / 8;
/** Output of which nothing is known. */
const FIRST_OUTPUT = 256;

/** Use of all keys of a name. */
class NameUse {
  readonly window = new TokenWindow();
  numSequences = 0;
  numReserved = 0;
  /** Tokens of one output without a bound, and of a character of a prompt; no text has more tokens than characters. */
  meanOutput = FIRST_OUTPUT;
  tokensPerChar = 1;
}

export class KeyLimiter {
  readonly #clock: Clock;
  readonly #names = new Map<string, NameUse>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes what `request` needs. Undefined where its key has no limits.
   *
   * @throws {ApiError} 429 with the limit's name, or 400 for what the limit would never let through
   */
  take(client: LimitedClient | undefined, request: GenerationRequest): KeyUse | undefined {
    if (client === undefined) return undefined;
    const { name, limits } = client;
    const need = needOf(request as ChatCompletionRequest | CompletionRequest);
    const use = this.#names.get(name) ?? new NameUse();
    this.#names.set(name, use);
    const numTokens = this.#estimate(use, need);
    checkPossible(client, need);
    this.#checkSequences(client, use, need);
    this.#checkTokens(client, use, numTokens);
    return this.#open(use, need, {
      numTokens,
      hasTokenLimit: limits.tokensPerMinute !== undefined,
    });
  }

  #estimate({ tokensPerChar, meanOutput }: NameUse, need: Need): number {
    const prompt = need.promptTokens ?? Math.ceil(tokensPerChar * need.promptChars);
    return prompt + (need.outputTokens ?? Math.ceil(meanOutput * need.numSequences));
  }

  #checkSequences({ name, limits }: LimitedClient, use: NameUse, { numSequences }: Need): void {
    const { maxSequences } = limits;
    if (maxSequences === undefined || use.numSequences + numSequences <= maxSequences) return;
    throw exceeded(
      `'${name}' may have ${maxSequences} sequences (choices times prompts) at once, and has ${use.numSequences}; this request asks for ${numSequences} more (limit: sequences).`,
      1,
    );
  }

  #checkTokens({ name, limits }: LimitedClient, use: NameUse, numTokens: number): void {
    const { tokensPerMinute } = limits;
    if (tokensPerMinute === undefined) return;
    const now = this.#clock.now();
    const taken = use.window.total(now) + use.numReserved;
    // An estimate may be too high: alone, a request always gets its turn.
    if (taken === 0 || taken + numTokens <= tokensPerMinute) return;
    const most = Math.max(0, tokensPerMinute - use.numReserved - numTokens);
    const seconds = Math.max(1, Math.ceil(use.window.msUntil(most, now) / 1000));
    throw exceeded(
      `'${name}' may use ${tokensPerMinute} tokens a minute and has used or reserved ${taken}; this request may need ${numTokens} (limit: tokens-per-minute).`,
      seconds,
    );
  }

  #open(
    use: NameUse,
    need: Need,
    { numTokens, hasTokenLimit }: { readonly numTokens: number; readonly hasTokenLimit: boolean },
  ): KeyUse {
    use.numSequences += need.numSequences;
    let reserved = hasTokenLimit ? numTokens : 0;
    use.numReserved += reserved;
    const prompts = new Map<number, number>();
    let numOutput = 0;
    let hasEnded = false;
    const spend = (count: number) => {
      use.window.add(count, this.#clock.now());
      const covered = Math.min(count, reserved);
      reserved -= covered;
      use.numReserved -= covered;
    };
    return {
      // per output: < 1 µs
      output: ({ index, numTokens, numPromptTokens }) => {
        if (!hasTokenLimit || hasEnded) return;
        const prompt = Math.floor((index * need.numPrompts) / need.numSequences);
        if (!prompts.has(prompt)) {
          prompts.set(prompt, numPromptTokens);
          spend(numPromptTokens);
        }
        numOutput += numTokens;
        if (numTokens > 0) spend(numTokens);
      },
      end: () => {
        if (hasEnded) return;
        hasEnded = true;
        use.numSequences -= need.numSequences;
        use.numReserved -= reserved;
        if (prompts.size === need.numPrompts) learn(use, need, { prompts, numOutput });
      },
    };
  }
}

function learn(
  use: NameUse,
  need: Need,
  { prompts, numOutput }: { readonly prompts: Map<number, number>; readonly numOutput: number },
): void {
  if (need.outputTokens === undefined) {
    use.meanOutput += NEWEST * (numOutput / need.numSequences - use.meanOutput);
  }
  if (need.promptTokens !== undefined || need.promptChars === 0) return;
  const numPrompt = [...prompts.values()].reduce((sum, count) => sum + count, 0);
  use.tokensPerChar = numPrompt / need.promptChars;
}

/** Waiting would not help. */
function checkPossible({ name, limits }: LimitedClient, need: Need): void {
  const { maxSequences, tokensPerMinute } = limits;
  if (maxSequences !== undefined && need.numSequences > maxSequences) {
    const message = `'${name}' may have ${maxSequences} sequences (choices times prompts) at once, and this request asks for ${need.numSequences} (limit: sequences); ask for fewer choices.`;
    throw invalidRequest("invalid_value", message, "n");
  }
  const least = (need.promptTokens ?? 0) + (need.outputTokens ?? 0);
  if (tokensPerMinute === undefined || least <= tokensPerMinute) return;
  const message = `'${name}' may use ${tokensPerMinute} tokens a minute, and this request alone may need ${least} (limit: tokens-per-minute); lower max_tokens.`;
  throw invalidRequest("invalid_value", message, "max_tokens");
}

function needOf(request: ChatCompletionRequest | CompletionRequest): Need {
  const texts = "messages" in request ? request.messages.map(charsOf) : request.prompts;
  const numPrompts = "messages" in request ? 1 : request.prompts.length;
  const areIds =
    "prompts" in request && request.prompts.every((prompt) => typeof prompt !== "string");
  const size = texts.reduce<number>(
    (sum, text) => sum + (typeof text === "number" ? text : text.length),
    0,
  );
  const numSequences = request.n * numPrompts;
  return {
    ...{ numSequences, numPrompts, promptChars: size },
    promptTokens: areIds ? size : undefined,
    outputTokens: request.maxTokens === undefined ? undefined : request.maxTokens * numSequences,
  };
}

function charsOf({ content, reasoning = "" }: ChatCompletionRequest["messages"][number]): number {
  return content.length + reasoning.length;
}

function exceeded(message: string, retryAfterS: number): ApiError {
  return new ApiError({
    status: 429,
    code: "rate_limit_exceeded",
    message: `${message} Try again in ${retryAfterS} s.`,
    headers: { "retry-after": String(retryAfterS) },
  });
}
