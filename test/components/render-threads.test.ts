import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { errorCode } from "../../src/base/error.ts";
import { createLogger } from "../../src/base/log.ts";
import { RenderThreads } from "../../src/components/render-threads.ts";
import { spawnSideThread } from "../../src/side-threads.ts";
import type { RenderInit } from "../../src/tokenizer/text-thread.ts";
import { ManualClock } from "../manual-clock.ts";
import { fakeSideThreads } from "./fake-side-thread.ts";
import { ENDLESS, UNPARSABLE } from "./hostile-templates.ts";

const LIMITS = { maxTokens: 1024, maxTokenBytes: 32 };
const HI = [{ role: "user", content: "hi" }];

function initOf(text: string): RenderInit {
  const template = { place: "m/chat_template", text, bosToken: undefined, eosToken: undefined };
  return { work: "render", template, specials: [] };
}

async function withThreads(text: string) {
  const lines: string[] = [];
  const threads = new RenderThreads({
    context: { sideThread: spawnSideThread, clock: systemClock },
    log: createLogger("test", "warn", (line) => lines.push(line)),
    init: initOf(text),
    timeoutMs: 250,
  });
  await threads.open();
  return { threads, lines };
}

describe("a template that does not come to an end", () => {
  const attack = Object.entries(ENDLESS)
    .map(([name, text]) => `{% if messages[0].content == "${name}" %}${text}{% endif %}`)
    .join("");

  test("is an error for its own chat, and the others are rendered", async () => {
    const { threads, lines } = await withThreads(`${attack}{{ messages[0].content }}`);
    const names = Object.keys(ENDLESS);
    expect(names.length).toBeGreaterThanOrEqual(36);
    for (let begin = 0; begin < names.length; begin += 6) {
      const hostile = names
        .slice(begin, begin + 6)
        .map((content) => outcome(threads.render([{ role: "user", content }], LIMITS)));
      expect((await threads.render(HI, LIMITS)).text).toBe("hi");
      for (const code of await Promise.all(hostile)) {
        expect(["template_error", "context_length_exceeded"]).toContain(code);
      }
    }
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.every((line) => line.includes("m/chat_template"))).toBe(true);
  }, 60_000);
});

describe("a template that cannot be parsed", () => {
  test.each(Object.entries(UNPARSABLE))(
    "is told at once and refuses chats: %s",
    async (_, text) => {
      const { threads, lines } = await withThreads(text());
      expect(lines.join()).toContain("chats are refused, completions are served");
      expect(await outcome(threads.render(HI, LIMITS))).toBe("template_error");
    },
    20_000,
  );
});

describe("threads", () => {
  function fake() {
    const clock = new ManualClock();
    const { threads, sideThread } = fakeSideThreads();
    const log = createLogger("test", "error", () => {});
    const options = { context: { sideThread, clock }, log, init: initOf("x"), timeoutMs: 250 };
    const render = new RenderThreads(options);
    void render.open();
    const ready = (index: number) => threads[index]?.say({ type: "ready" });
    const answer = (index: number, id: number) =>
      threads[index]?.say({ type: "answer", id, value: { text: `${id}`, literals: [] } });
    return { clock, threads, render, ready, answer };
  }

  test("a quick rendering hands over nothing: one thread does all, in order", async () => {
    const { threads, render, ready, answer } = fake();
    ready(0);
    const texts = [render.render(HI, LIMITS), render.render(HI, LIMITS)];
    expect(threads[0]?.posted).toHaveLength(1);
    answer(0, 1);
    answer(0, 2);
    expect((await Promise.all(texts)).map(({ text }) => text)).toEqual(["1", "2"]);
    expect(threads).toHaveLength(1);
  });

  test("one that takes long keeps its thread, and those that wait go on with a new one", async () => {
    const { clock, threads, render, ready, answer } = fake();
    ready(0);
    const slow = render.render(HI, LIMITS);
    const quick = render.render(HI, LIMITS);
    await clock.advance(30);
    expect(threads).toHaveLength(3); // and a spare one
    ready(1);
    answer(1, 2);
    expect((await quick).text).toBe("2");
    answer(0, 1);
    expect((await slow).text).toBe("1");
    expect(threads[0]?.isTerminated).toBe(true);
    expect(threads[1]?.isTerminated).toBe(false);
  });

  test("at its limit it is ended with its thread", async () => {
    const { clock, threads, render, ready } = fake();
    ready(0);
    const slow = outcome(render.render(HI, LIMITS));
    await clock.advance(249);
    expect(threads[0]?.isTerminated).toBe(false);
    await clock.advance(1);
    expect(threads[0]?.isTerminated).toBe(true);
    expect(await slow).toBe("template_error");
    expect(threads).toHaveLength(3);
  });

  test("its limit grows with the number of messages, to three times as much at most", async () => {
    const { clock, threads, render, ready } = fake();
    ready(0);
    const many = Array.from({ length: 1_000_000 }, () => HI).flat();
    const slow = outcome(render.render(many, LIMITS));
    await clock.advance(749);
    expect(threads[0]?.isTerminated).toBe(false);
    await clock.advance(1);
    expect(await slow).toBe("template_error");
  });

  test("of many that take long, the oldest is ended before its limit", async () => {
    const { clock, threads, render, ready } = fake();
    const jobs = Array.from({ length: 5 }, () => outcome(render.render(HI, LIMITS)));
    for (let index = 0; index < 4; index++) {
      ready(index);
      await clock.advance(30);
    }
    expect(threads[0]?.isTerminated).toBe(true);
    expect(await jobs[0]).toBe("template_error");
  });

  test("a spare one takes over at once, once a rendering has taken long", async () => {
    const { clock, render, ready, answer } = fake();
    ready(0);
    const slow = outcome(render.render(HI, LIMITS));
    await clock.advance(250);
    expect(await slow).toBe("template_error");
    ready(1);
    ready(2);
    const again = outcome(render.render(HI, LIMITS));
    const quick = render.render(HI, LIMITS);
    await clock.advance(30);
    answer(2, 3);
    expect((await quick).text).toBe("3");
    await clock.advance(250);
    expect(await again).toBe("template_error");
  });

  test("one that crashes fails its chat alone, and is replaced", async () => {
    const { threads, render, ready, answer } = fake();
    ready(0);
    const first = outcome(render.render(HI, LIMITS));
    const second = render.render(HI, LIMITS);
    threads[0]?.crash("bang");
    expect(await first).toBe("template_error");
    ready(1);
    answer(1, 2);
    expect((await second).text).toBe("2");
  });

  test("that never become ready are given up, and chats say so", async () => {
    const { threads, render } = fake();
    const chat = outcome(render.render(HI, LIMITS));
    for (let index = 0; index < 3; index++) threads[index]?.crash("bang");
    expect(await chat).toBe("template_error");
    expect(await outcome(render.render(HI, LIMITS))).toBe("template_error");
  });

  test("more chats than may wait are refused as overload", async () => {
    const { render } = fake();
    const codes = Array.from({ length: 257 }, () => outcome(render.render(HI, LIMITS)));
    expect(await codes[256]).toBe("text_queue_full");
  });
});

/** The code of its error, or `ok`. */
function outcome(rendering: Promise<unknown>): Promise<string> {
  return rendering.then(() => "ok", errorCode);
}
