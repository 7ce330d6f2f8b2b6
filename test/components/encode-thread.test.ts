import { describe, expect, test } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { errorCode } from "../../src/base/error.ts";
import { createLogger } from "../../src/base/log.ts";
import { EncodeThread } from "../../src/components/encode-thread.ts";
import { spawnSideThread } from "../../src/side-threads.ts";
import { type EncodeInit, PROGRESS, RUNNING } from "../../src/tokenizer/text-thread.ts";
import { ManualClock } from "../manual-clock.ts";
import { withDirectory } from "../model/model-directory.ts";
import { byteLevelTokenizer } from "../tokenizer/synthetic-tokenizers.ts";
import { fakeSideThreads } from "./fake-side-thread.ts";

const log = createLogger("test", "error", () => {});
const ask = (text: string, maxTokens = 10_000_000) => ({
  prompts: [{ text, literals: [] }],
  form: "opened" as const,
  maxTokens,
});

describe("on a real thread", () => {
  async function withThread<T>(use: (thread: EncodeThread) => Promise<T>): Promise<T> {
    const { tokenizer, config } = byteLevelTokenizer();
    const files = {
      "tokenizer.json": JSON.stringify(tokenizer),
      "tokenizer_config.json": JSON.stringify(config),
    };
    return withDirectory(files, async (model) => {
      const context = { sideThread: spawnSideThread, clock: systemClock };
      const thread = new EncodeThread({ context, log, model });
      await thread.open();
      return use(thread);
    });
  }

  test("a short prompt is answered before a long one that came first", async () => {
    const order: string[] = [];
    const ids = await withThread(async (thread) => {
      const long = thread.encode(ask("a".repeat(1_400_000)));
      const short = thread.encode(ask("the the"));
      void long.then(() => order.push("long"));
      void short.then(() => order.push("short"));
      await long;
      return short;
    });
    expect(order).toEqual(["short", "long"]);
    expect(ids.map((each) => [...each])).toEqual([[266, 257, 258]]);
  });

  test("many prompts of one request come in order", async () => {
    const prompts = Array.from({ length: 256 }, (_, index) => ({
      text: "a".repeat(index),
      literals: [],
    }));
    const ids = await withThread((thread) =>
      thread.encode({ prompts, form: "as-is", maxTokens: 300 }),
    );
    expect(ids.map(({ length }) => length)).toEqual(prompts.map((_, index) => index));
  });

  test("a prompt that is too long keeps its error", async () => {
    const code = await withThread((thread) =>
      thread.encode(ask("a".repeat(99), 9)).catch(errorCode),
    );
    expect(code).toBe("context_length_exceeded");
  });

  test("a model without a tokenizer is told when it is opened", async () => {
    const context = { sideThread: spawnSideThread, clock: systemClock };
    const thread = new EncodeThread({ context, log, model: "/no/such/model" });
    expect(await thread.open().catch(errorCode)).toBe("model_not_loadable");
  });
});

describe("a thread that fails", () => {
  function fake() {
    const clock = new ManualClock();
    const { threads, sideThread } = fakeSideThreads();
    const encode = new EncodeThread({ context: { sideThread, clock }, log, model: "m" });
    void encode.open().catch(() => undefined);
    threads[0]?.say({ type: "ready" });
    const init = threads[0]?.data as EncodeInit;
    return { clock, threads, encode, progress: init.progress };
  }

  test("by a crash fails the prompt that it worked on; the others go to a new one", async () => {
    const { threads, encode, progress } = fake();
    const bad = encode.encode(ask("bad")).catch(errorCode);
    const good = encode.encode(ask("good"));
    progress[RUNNING] = 1;
    threads[0]?.crash("bang");
    expect(await bad).toBe("encode_failed");
    threads[1]?.say({ type: "ready" });
    expect(threads[1]?.posted).toMatchObject([{ id: 2 }]);
    threads[1]?.say({ type: "answer", id: 2, value: [Int32Array.of(7)] });
    expect(await good).toEqual([Int32Array.of(7)]);
  });

  test("by standing still is ended; one that goes on is not", async () => {
    const { clock, threads, encode, progress } = fake();
    const bad = encode.encode(ask("bad")).catch(errorCode);
    progress[RUNNING] = 1;
    const pass = async () => {
      await clock.advance(500);
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    };
    for (let check = 0; check < 10; check++) {
      progress[PROGRESS] = check;
      await pass();
    }
    expect(threads).toHaveLength(1);
    for (let check = 0; check < 7; check++) await pass();
    expect(await bad).toBe("encode_failed");
    expect(threads).toHaveLength(2);
  });

  test("to open again fails those that wait, and the next prompt tries once more", async () => {
    const { threads, encode } = fake();
    const first = encode.encode(ask("a")).catch(errorCode);
    threads[0]?.crash("bang");
    const error = { code: "model_unreadable", message: "gone", stack: undefined, details: {} };
    threads[1]?.say({ type: "failed", error });
    expect(await first).toBe("model_unreadable");
    const second = encode.encode(ask("b"));
    threads[2]?.say({ type: "ready" });
    threads[2]?.say({ type: "answer", id: 2, value: [] });
    expect(await second).toEqual([]);
  });

  test("more than may wait is refused as overload, by number and by size", async () => {
    const { encode } = fake();
    const large = "a".repeat(40 * 2 ** 20);
    void encode.encode(ask(large));
    expect(await encode.encode(ask(large)).catch(errorCode)).toBe("text_queue_full");
    for (let count = 1; count < 1024; count++) void encode.encode(ask("a"));
    expect(await encode.encode(ask("a")).catch(errorCode)).toBe("text_queue_full");
  });
});
