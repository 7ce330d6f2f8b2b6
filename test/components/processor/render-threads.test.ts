import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../src/base/clock.ts";
import { errorCode } from "../../../src/base/error.ts";
import { createLogger } from "../../../src/base/log.ts";
import { RenderThreads } from "../../../src/components/processor/render-threads.ts";
import type { TextClient } from "../../../src/components/processor/text-client.ts";
import type { RenderInit } from "../../../src/tokenizer/text-thread.ts";
import { spawnSideThread } from "../../../src/worker-entries.ts";
import { ManualClock } from "../../manual-clock.ts";
import { hangLimit } from "../../time-limits.ts";
import { fakeSideThreads } from "./fake-side-thread.ts";
import { ENDLESS, UNPARSABLE } from "./hostile-templates.ts";

const LIMITS = { maxTokens: 1024, maxTokenBytes: 32 };
const HI = { messages: [{ role: "user", content: "hi" }] };
const ME = clientOf(1);

function initOf(text: string): RenderInit {
  const template = { place: "m/chat_template", text, bosToken: undefined, eosToken: undefined };
  return { work: "render", template, specials: [] };
}

async function withThreads(text: string, timeoutMs = 250) {
  const lines: string[] = [];
  const threads = new RenderThreads({
    context: { sideThread: spawnSideThread, clock: systemClock },
    log: createLogger("test", "warn", (line) => lines.push(line)),
    init: initOf(text),
    timeoutMs,
  });
  await threads.open();
  return { threads, lines };
}

describe("a template that does not come to an end", () => {
  const attack = Object.entries(ENDLESS)
    .map(([name, text]) => `{% if messages[0].content == "${name}" %}${text}{% endif %}`)
    .join("");

  test(
    "is an error for its own chat, and the others are rendered",
    async () => {
      const { threads, lines } = await withThreads(`${attack}{{ messages[0].content }}`, 100);
      const names = Object.keys(ENDLESS);
      expect(names.length).toBeGreaterThanOrEqual(36);
      for (let begin = 0; begin < names.length; begin += 6) {
        const hostile = names
          .slice(begin, begin + 6)
          .map((content) =>
            outcome(threads.render({ messages: [{ role: "user", content }] }, LIMITS, ME)),
          );
        expect((await threads.render(HI, LIMITS, ME)).text).toBe("hi");
        for (const code of await Promise.all(hostile)) {
          expect(["template_error", "context_length_exceeded"]).toContain(code);
        }
      }
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.every((line) => line.includes("m/chat_template"))).toBe(true);
    },
    hangLimit(60_000),
  );
});

describe("a template that cannot be parsed", () => {
  test.each(Object.entries(UNPARSABLE))(
    "is told at once and refuses chats: %s",
    async (_, text) => {
      const { threads, lines } = await withThreads(text());
      expect(lines.join()).toContain("chats are refused, completions are served");
      expect(await outcome(threads.render(HI, LIMITS, ME))).toBe("template_error");
    },
    hangLimit(60_000),
  );
});

describe("honest templates that take long", () => {
  // Some 30 ms of CPU time, and more where a thread is new.
  const text = `{% for i in range(7000) %}{% if i == messages[0].content | length %}x{% endif %}{% endfor %}`;

  test(
    "all succeed, however many are rendered at once, and quick ones go beside them",
    async () => {
      const slow = `{% if messages[0].content != "hi" %}${text}{% else %}hi{% endif %}`;
      const { threads, lines } = await withThreads(slow, 2000);
      const long = Array.from({ length: 32 }, (_, index) =>
        outcome(
          threads.render(
            { messages: [{ role: "user", content: "long" }] },
            LIMITS,
            clientOf(index % 8),
          ),
        ),
      );
      const quick = Array.from({ length: 8 }, () => outcome(threads.render(HI, LIMITS, ME)));
      expect(await Promise.all([...long, ...quick])).toEqual(Array(40).fill("ok"));
      expect(lines).toEqual([]);
    },
    hangLimit(60_000),
  );

  test(
    "61 messages, 32 times at once, are no error",
    async () => {
      const { threads } = await withThreads(
        "{% for m in messages %}{{ m.role + m.content | trim }}{% endfor %}",
      );
      const messages = Array.from({ length: 61 }, () => HI.messages).flat();
      const all = Array.from({ length: 32 }, () =>
        outcome(threads.render({ messages }, LIMITS, ME)),
      );
      expect(await Promise.all(all)).toEqual(Array(32).fill("ok"));
    },
    hangLimit(60_000),
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
    /** A thread has the CPU for itself. */
    const work = async (index: number, ms: number) => {
      const thread = threads[index];
      for (let done = 0; done < ms; done += 5) {
        if (thread?.workedMs !== undefined) thread.workedMs += 5;
        await clock.advance(5);
      }
    };
    const idOn = (index: number) => threads[index]?.posted.map((job) => (job as { id: number }).id);
    return { clock, threads, render, ready, answer, work, idOn };
  }

  test("a quick rendering hands over nothing: one thread does all, in order", async () => {
    const { threads, render, ready, answer } = fake();
    ready(0);
    const texts = [render.render(HI, LIMITS, ME), render.render(HI, LIMITS, ME)];
    expect(threads[0]?.posted).toHaveLength(1);
    answer(0, 1);
    answer(0, 2);
    expect((await Promise.all(texts)).map(({ text }) => text)).toEqual(["1", "2"]);
    expect(threads).toHaveLength(1);
  });

  test("one that takes long keeps its thread, and those that wait go on with a new one", async () => {
    const { threads, render, ready, answer, work } = fake();
    ready(0);
    const slow = render.render(HI, LIMITS, ME);
    const quick = render.render(HI, LIMITS, ME);
    await work(0, 30);
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
    const { threads, render, ready, work } = fake();
    ready(0);
    const slow = outcome(render.render(HI, LIMITS, ME));
    await work(0, 245);
    expect(threads[0]?.isTerminated).toBe(false);
    await work(0, 5);
    expect(threads[0]?.isTerminated).toBe(true);
    expect(await slow).toBe("template_error");
    expect(threads).toHaveLength(3);
  });

  test("one that the busy machine gives no CPU is not ended, and one that is blocked is", async () => {
    const { clock, threads, render, ready, answer, work } = fake();
    ready(0);
    const late = render.render(HI, LIMITS, ME);
    await clock.advance(4000);
    await work(0, 45);
    expect(threads[0]?.isTerminated).toBe(false);
    answer(0, 1);
    expect((await late).text).toBe("1");
    const blocked = outcome(render.render(HI, LIMITS, ME));
    await clock.advance(5100);
    expect(await blocked).toBe("template_error");
  });

  test("a stopped process is no work", async () => {
    const { clock, threads, render, ready } = fake();
    ready(0);
    void render.render(HI, LIMITS, ME);
    for (let count = 0; count < 4; count++) {
      clock.jump(60_000);
      await clock.advance(5);
    }
    expect(threads[0]?.isTerminated).toBe(false);
  });

  test("four times the limit passes where the system does not tell CPU time", async () => {
    const { clock, threads, render, ready } = fake();
    for (const thread of threads) thread.workedMs = undefined;
    ready(0);
    const slow = outcome(render.render(HI, LIMITS, ME));
    await clock.advance(999);
    expect(threads[0]?.isTerminated).toBe(false);
    await clock.advance(10);
    expect(await slow).toBe("template_error");
  });

  test("its limit grows with messages and characters, to three times as much at most", async () => {
    const { threads, render, ready, work } = fake();
    ready(0);
    const many = Array.from({ length: 1_000_000 }, () => HI.messages).flat();
    const slow = outcome(render.render({ messages: many }, LIMITS, ME));
    await work(0, 745);
    expect(threads[0]?.isTerminated).toBe(false);
    await work(0, 5);
    expect(await slow).toBe("template_error");
    ready(1);
    const content = "a".repeat(100 * 16_384);
    const large = outcome(render.render({ messages: [{ role: "user", content }] }, LIMITS, ME));
    await work(1, 345);
    expect(threads[1]?.isTerminated).toBe(false);
    await work(1, 5);
    expect(await large).toBe("template_error");
  });

  test("a second one that takes long waits for the slow lane, and has its full limit there", async () => {
    const { threads, render, ready, answer, work, idOn } = fake();
    ready(0);
    const [first, second, third] = [1, 2, 3].map(() => outcome(render.render(HI, LIMITS, ME)));
    await work(0, 30);
    ready(1);
    ready(2);
    await work(1, 30);
    expect(threads[1]?.isTerminated).toBe(true); // its job waits
    expect(idOn(2)).toEqual([3]);
    answer(2, 3);
    expect(await third).toBe("ok");
    await work(0, 220);
    expect(await first).toBe("template_error");
    const slow = 3; // the spare one, as it was
    ready(slow);
    expect(idOn(slow)).toEqual([2]);
    await work(slow, 245);
    expect(threads[slow]?.isTerminated).toBe(false);
    answer(slow, 2);
    expect(await second).toBe("ok");
    expect(threads[slow]?.isTerminated).toBe(true); // none waits
  });

  test("of those that wait for the slow lane each tenant has its turn", async () => {
    const { render, ready, answer, work, idOn } = fake();
    const submit = (tenant: number) => outcome(render.render(HI, LIMITS, clientOf(tenant)));
    const results = [1, 1, 1, 1].map(submit);
    for (const thread of [0, 1]) {
      ready(thread);
      await work(thread, 30);
    }
    results.push(submit(2), submit(3));
    ready(2);
    await work(2, 30);
    ready(3);
    await work(3, 30);
    ready(4);
    answer(4, 6);
    answer(4, 4);
    for (const id of [1, 2, 5, 3]) {
      expect(idOn(0)?.at(-1)).toBe(id);
      answer(0, id);
    }
    expect(await Promise.all(results)).toEqual(Array(6).fill("ok"));
  });

  test("of one tenant no more wait for the slow lane than a quarter of its room", async () => {
    const { render, ready, work } = fake();
    const results = Array.from({ length: 67 }, () => outcome(render.render(HI, LIMITS, ME)));
    for (let thread = 0; thread < 66; thread++) {
      ready(thread);
      await work(thread, 30);
    }
    expect(await results[65]).toBe("text_queue_full");
    expect(await Promise.race([results[64], Promise.resolve("waits")])).toBe("waits");
  });

  test("a spare one takes over at once, once a rendering has taken long", async () => {
    const { render, ready, answer, work } = fake();
    ready(0);
    const slow = outcome(render.render(HI, LIMITS, ME));
    await work(0, 250);
    expect(await slow).toBe("template_error");
    ready(1);
    ready(2);
    const again = outcome(render.render(HI, LIMITS, ME));
    const quick = render.render(HI, LIMITS, ME);
    await work(1, 30);
    answer(2, 3);
    expect((await quick).text).toBe("3");
    await work(1, 250);
    expect(await again).toBe("template_error");
  });

  test("one that crashes fails its chat alone, and is replaced", async () => {
    const { threads, render, ready, answer } = fake();
    ready(0);
    const first = outcome(render.render(HI, LIMITS, ME));
    const second = render.render(HI, LIMITS, ME);
    threads[0]?.crash("bang");
    expect(await first).toBe("template_error");
    ready(1);
    answer(1, 2);
    expect((await second).text).toBe("2");
  });

  test("that never become ready are given up, and chats say so", async () => {
    const { threads, render } = fake();
    const chat = outcome(render.render(HI, LIMITS, ME));
    for (let index = 0; index < 3; index++) threads[index]?.crash("bang");
    expect(await chat).toBe("template_error");
    expect(await outcome(render.render(HI, LIMITS, ME))).toBe("template_error");
  });

  test("more chats of a tenant than a quarter of the room are refused, and others are taken", async () => {
    const { render, ready, answer } = fake();
    const mine = Array.from({ length: 257 }, () => outcome(render.render(HI, LIMITS, ME)));
    expect(await mine[256]).toBe("text_queue_full");
    const other = outcome(render.render(HI, LIMITS, clientOf(2)));
    ready(0);
    answer(0, 1);
    answer(0, 258); // its turn comes second
    expect(await other).toBe("ok");
  });

  test("a chat whose client has left waits no longer, and leaves its room", async () => {
    const { render, ready, idOn, answer } = fake();
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const gone = Array.from({ length: 256 }, () =>
      outcome(render.render(HI, LIMITS, { tenant: 1, left })),
    );
    leave();
    expect(new Set(await Promise.all(gone))).toEqual(new Set(["cancelled"]));
    const stays = outcome(render.render(HI, LIMITS, ME));
    ready(0);
    expect(idOn(0)).toEqual([257]);
    answer(0, 257);
    expect(await stays).toBe("ok");
  });

  test("one that takes long is stopped when its client leaves", async () => {
    const { threads, render, ready, work } = fake();
    ready(0);
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const gone = outcome(render.render(HI, LIMITS, { tenant: 1, left }));
    await work(0, 30);
    leave();
    expect(await gone).toBe("cancelled");
    expect(threads[0]?.isTerminated).toBe(true);
  });
});

function clientOf(tenant: number): TextClient {
  return { tenant, left: new Promise(() => {}) };
}

/** The code of its error, or `ok`. */
function outcome(rendering: Promise<unknown>): Promise<string> {
  return rendering.then(() => "ok", errorCode);
}
