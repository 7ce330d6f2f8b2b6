// One line of the log a request, and nothing of what the client wrote but method and path.

import { expect, test } from "bun:test";

import { CHAT, harness, post } from "../api/harness.ts";

const requestLines = (lines: readonly string[]) =>
  lines.filter((line) => line.includes("  request  ")).map((line) => line.replace(/^\S+ /, ""));

const SECRET = "a secret of the client";
const chat = { ...CHAT, messages: [{ role: "user", content: SECRET }] };
const output = { index: 0, numPromptTokens: 7, numCachedTokens: 3 };

test("an answer has method, path, status, tokens and times", async () => {
  const { app, clock, lines, opened } = harness();
  const answer = app.fetch(post(chat, { "x-request-id": "r1" }, "chat/completions?key=k"));
  const stream = await opened();
  await clock.advance(40);
  stream.push({ ...output, text: "well", numTokens: 1 });
  await clock.turn();
  await clock.advance(60);
  stream.push({ ...output, text: "", numTokens: 1, finishReason: "stop" });
  stream.end();
  expect((await answer).status).toBe(200);
  const [line = "", ...others] = requestLines(lines);
  expect(others).toEqual([]);
  expect(line.replace(/chatcmpl-[\w-]+/, "ID")).toBe(
    "INFO  test  request  method=POST path=/v1/chat/completions status=200 model=m prompt-tokens=7 cached-tokens=3 " +
      "output-tokens=2 first-ms=40 id=ID ms=100 request=r1\n",
  );
  expect(lines.join("")).not.toContain(SECRET);
});

test("a stream has its line when it has ended", async () => {
  const { app, lines, opened } = harness();
  const answer = app.fetch(post({ ...chat, stream: true }, {}, "chat/completions"));
  const stream = await opened();
  stream.push({ ...output, text: "well", numTokens: 1 });
  const response = await answer;
  expect(requestLines(lines)).toEqual([]);
  const text = response.text();
  stream.push({ ...output, text: "", numTokens: 1, finishReason: "stop" });
  stream.end();
  await text;
  expect(requestLines(lines)).toHaveLength(1);
  expect(requestLines(lines)[0]).toContain(
    "status=200 model=m prompt-tokens=7 cached-tokens=3 output-tokens=2",
  );
});

test("refusals have one, and probes only where all is told", async () => {
  const { app, lines } = harness();
  await app.fetch(new Request("http://test/nothing"));
  await app.fetch(post("{", {}, "chat/completions"));
  await app.fetch(new Request("http://test/live"));
  const found = requestLines(lines).map((line) => line.replace(/ ms=.*\n/, ""));
  expect(found).toEqual([
    "INFO  test  request  method=GET path=/nothing status=404",
    "INFO  test  request  method=POST path=/v1/chat/completions status=400",
    "DEBUG test  request  method=GET path=/live status=200",
  ]);
});
