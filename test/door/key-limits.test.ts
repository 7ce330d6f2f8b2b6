import { describe, expect, test } from "bun:test";

import { ApiError } from "../../src/door/api-error.ts";
import { KeyLimiter, type KeyUse } from "../../src/door/key-limits.ts";
import { TokenWindow } from "../../src/door/token-window.ts";
import type { KeyLimits } from "../../src/http/api-key.ts";
import { parseChatRequest, parseCompletionRequest } from "../../src/openai/schema.ts";
import { ManualClock } from "../manual-clock.ts";

function limited(limits: KeyLimits) {
  const clock = new ManualClock();
  const limiter = new KeyLimiter(clock);
  return {
    clock,
    take(body: object = {}, name = "alice") {
      const whole = { model: "m", prompt: [1, 2, 3, 4], max_tokens: 6, ...body };
      const { request } = parseCompletionRequest(whole, 0);
      return limiter.take({ name, limits }, request) as KeyUse;
    },
    chat(content: string, maxTokens?: number) {
      const messages = [{ role: "user", content }];
      const { request } = parseChatRequest({ model: "m", messages, max_tokens: maxTokens }, 0);
      return limiter.take({ name: "alice", limits }, request) as KeyUse;
    },
  };
}

/** Tokens of one choice, as they come. */
function tell(use: KeyUse, numTokens: number, { index = 0, numPromptTokens = 4 } = {}): void {
  use.output({ index, text: "", numTokens, numPromptTokens, numCachedTokens: 0 });
}

function refusalOf(take: () => unknown): ApiError {
  try {
    take();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("sequences at once", () => {
  test("are choices times prompts, of all keys of the name", () => {
    const { take } = limited({ maxSequences: 4 });
    const first = take({ n: 3 });
    const refusal = refusalOf(() => take({ n: 2 }));
    expect(refusal).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(refusal.headers["retry-after"]).toBe("1");
    expect(refusal.message).toContain("'alice' may have 4 sequences");
    expect(refusal.message).toContain("(limit: sequences)");
    take({ n: 2 }, "bob").end();
    take().end();
    first.end();
    first.end(); // idempotent
    take({ n: 2, prompt: [[1], [2]] }).end();
  });

  test("more than there may ever be are the client's mistake", () => {
    const { take } = limited({ maxSequences: 4 });
    expect(refusalOf(() => take({ n: 5 }))).toMatchObject({ status: 400, param: "n" });
  });
});

describe("tokens a minute", () => {
  test("are those of prompts and outputs; what was reserved and not needed is free again", () => {
    const { take } = limited({ tokensPerMinute: 25 });
    const first = take(); // 4 + 6
    const second = take();
    refusalOf(() => take());
    tell(first, 1);
    first.end(); // 5 of 10
    take().end();
    tell(second, 6);
    second.end();
    refusalOf(() => take({ max_tokens: 7 }));
    expect(take({ max_tokens: 6 })).toBeDefined();
  });

  test("are free after a minute, and Retry-After says when", async () => {
    const { take, clock } = limited({ tokensPerMinute: 20 });
    for (const at of [0, 10_000]) {
      await clock.advance(at);
      const use = take();
      tell(use, 6);
      use.end();
    }
    await clock.advance(5000);
    const refusal = refusalOf(() => take());
    expect(refusal.message).toContain("(limit: tokens-per-minute)");
    expect(refusal.headers["retry-after"]).toBe("45");
    await clock.advance(44_000);
    refusalOf(() => take());
    await clock.advance(1000);
    expect(take()).toBeDefined();
  });

  test("count a prompt once, whatever its choices, and each choice's output", () => {
    const { take } = limited({ tokensPerMinute: 100 });
    const use = take({
      n: 2,
      prompt: [
        [1, 2],
        [3, 4],
      ],
      max_tokens: 5,
    });
    for (const index of [0, 1, 2, 3]) tell(use, 5, { index, numPromptTokens: 2 });
    use.end(); // 2 x 2 + 4 x 5
    expect(take({ prompt: [1], max_tokens: 75 })).toBeDefined();
    refusalOf(() => take({ prompt: [1], max_tokens: 1 }));
  });

  test("more than a minute has are the client's mistake, if it named them", () => {
    const { take, chat } = limited({ tokensPerMinute: 100 });
    expect(refusalOf(() => take({ max_tokens: 97 }))).toMatchObject({
      status: 400,
      param: "max_tokens",
    });
    chat("x".repeat(500)).end(); // so long a text may have few tokens
  });

  test("hold within 5 %, whatever the sizes of requests and however many come at once", async () => {
    const limit = 6000;
    const spent = await spentEachSecond(limit, 600);
    const sums = spent.slice(60, -60).map((_, from) => sum(spent.slice(from + 60, from + 120)));
    expect(Math.max(...sums)).toBeLessThanOrEqual(1.05 * limit);
    expect(sum(sums) / sums.length).toBeGreaterThanOrEqual(0.95 * limit);
  });
});

/** Tokens in each of so many seconds, in which eight requests come, with and without `max_tokens`, that take four. */
async function spentEachSecond(limit: number, numSeconds: number): Promise<readonly number[]> {
  const { chat, clock } = limited({ tokensPerMinute: limit });
  const running: { readonly use: KeyUse; left: number }[] = [];
  const spent: number[] = [];
  for (let second = 0; second < numSeconds; second++) {
    let numTokens = 0;
    for (let attempt = 0; attempt < 8; attempt++) {
      const use = tried(() => chat("x".repeat(200), attempt % 2 === 0 ? 60 : undefined));
      if (use === undefined) continue;
      tell(use, 0, { numPromptTokens: 50 });
      numTokens += 50;
      running.push({ use, left: 40 });
    }
    for (const one of running) {
      tell(one.use, 10, { numPromptTokens: 50 });
      numTokens += 10;
      one.left -= 10;
      if (one.left === 0) one.use.end();
    }
    running.splice(0, running.length, ...running.filter(({ left }) => left > 0));
    spent.push(numTokens);
    await clock.advance(1000);
  }
  return spent;
}

function tried<T>(take: () => T): T | undefined {
  try {
    return take();
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

test("a key without limits is not counted", () => {
  const limiter = new KeyLimiter(new ManualClock());
  const { request } = parseCompletionRequest({ model: "m", prompt: "x" }, 0);
  expect(limiter.take(undefined, request)).toBeUndefined();
});

test("a window forgets what is a minute old", () => {
  const window = new TokenWindow();
  window.add(5, 100);
  window.add(7, 30_000);
  expect(window.total(60_249)).toBe(7);
  expect(window.msUntil(0, 60_249)).toBe(29_751);
  expect(window.total(90_000)).toBe(0);
});
