import { describe, expect, test } from "bun:test";

import { systemClock } from "../../../src/base/clock.ts";
import { errorCode } from "../../../src/base/error.ts";
import { createLogger } from "../../../src/base/log.ts";
import { EncodeThread } from "../../../src/components/processor/encode-thread.ts";
import type { TextClient } from "../../../src/components/processor/text-client.ts";
import { type EncodeInit, PROGRESS, RUNNING } from "../../../src/tokenizer/text-thread.ts";
import { spawnSideThread } from "../../../src/worker-entries.ts";
import { ManualClock } from "../../manual-clock.ts";
import { withDirectory } from "../../model/model-directory.ts";
import { byteLevelTokenizer } from "../../tokenizer/synthetic-tokenizers.ts";
import { fakeSideThreads } from "./fake-side-thread.ts";

const log = createLogger("test", "error", () => {});
const ask = (text: string, maxTokens = 10_000_000) => ({
  prompts: [{ text, literals: [] }],
  form: "opened" as const,
  maxTokens,
});

const clientOf = (tenant: number): TextClient => ({ tenant, left: new Promise(() => {}) });
const ME = clientOf(1);

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
      const long = thread.encode(ask("a".repeat(1_400_000)), ME);
      const short = thread.encode(ask("the the"), ME);
      void long.then(() => order.push("long"));
      void short.then(() => order.push("short"));
      await long;
      return short;
    });
    expect(order).toEqual(["short", "long"]);
    expect(ids.map((each) => [...each])).toEqual([[266, 257, 258]]);
  });

  test("a tenant's prompt does not wait for many of another", async () => {
    const order: string[] = [];
    await withThread(async (thread) => {
      const text = ask("a".repeat(200_000));
      const mine = Array.from({ length: 20 }, async () => {
        await thread.encode(text, ME);
        order.push("mine");
      });
      const other = thread.encode(text, clientOf(2)).then(() => order.push("other"));
      await Promise.all([...mine, other]);
    });
    expect(order.indexOf("other")).toBeLessThan(10);
  });

  test("many prompts of one request come in order", async () => {
    const prompts = Array.from({ length: 256 }, (_, index) => ({
      text: "a".repeat(index),
      literals: [],
    }));
    const ids = await withThread((thread) =>
      thread.encode({ prompts, form: "as-is", maxTokens: 300 }, ME),
    );
    expect(ids.map(({ length }) => length)).toEqual(prompts.map((_, index) => index));
  });

  test("a prompt that is too long keeps its error", async () => {
    const code = await withThread((thread) =>
      thread.encode(ask("a".repeat(99), 9), ME).catch(errorCode),
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
    const bad = encode.encode(ask("bad"), ME).catch(errorCode);
    const good = encode.encode(ask("good"), ME);
    progress[RUNNING] = 1;
    threads[0]?.crash("bang");
    expect(await bad).toBe("encode_failed");
    threads[1]?.say({ type: "ready" });
    expect(threads[1]?.posted).toMatchObject([{ type: "encode", request: { id: 2 } }]);
    threads[1]?.say({ type: "answer", id: 2, value: [Int32Array.of(7)] });
    expect(await good).toEqual([Int32Array.of(7)]);
  });

  test("by standing still is ended; one that goes on is not", async () => {
    const { clock, threads, encode, progress } = fake();
    const bad = encode.encode(ask("bad"), ME).catch(errorCode);
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
    const first = encode.encode(ask("a"), ME).catch(errorCode);
    threads[0]?.crash("bang");
    const error = { code: "model_unreadable", message: "gone", stack: undefined, details: {} };
    threads[1]?.say({ type: "failed", error });
    expect(await first).toBe("model_unreadable");
    const second = encode.encode(ask("b"), ME);
    threads[2]?.say({ type: "ready" });
    threads[2]?.say({ type: "answer", id: 2, value: [] });
    expect(await second).toEqual([]);
  });

  test("refuses more of a tenant than a quarter of the room, by number and by size, and takes others'", async () => {
    const { encode } = fake();
    const large = ask("a".repeat(16 * 2 ** 20));
    void encode.encode(large, ME);
    expect(await encode.encode(ask("a"), ME).catch(errorCode)).toBe("text_queue_full");
    const other = clientOf(2);
    for (let count = 0; count < 1024; count++) void encode.encode(ask("a"), other);
    expect(await encode.encode(ask("a"), other).catch(errorCode)).toBe("text_queue_full");
    for (const tenant of [3, 4]) void encode.encode(large, clientOf(tenant));
    const last = encode.encode(large, clientOf(5)).catch(errorCode); // no room is left for all of it
    expect(await last).toBe("text_queue_full");
  });

  test("drops a prompt whose client has left, on the thread too, and gives back its room", async () => {
    const { threads, encode } = fake();
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const large = ask("a".repeat(16 * 2 ** 20));
    const gone = encode.encode(large, { tenant: 1, left }).catch(errorCode);
    leave();
    expect(await gone).toBe("cancelled");
    expect(threads[0]?.posted.at(-1)).toEqual({ type: "drop", id: 1 });
    const stays = encode.encode(large, ME);
    threads[0]?.say({ type: "answer", id: 2, value: [] });
    expect(await stays).toEqual([]);
  });
});
