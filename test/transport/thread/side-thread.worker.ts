// An actor's thread of side-thread.test.ts: its side thread renders a template that does not end.

import { parentPort } from "node:worker_threads";

import { spawnSideThread } from "../../../src/worker-entries.ts";

const text = "{% for i in range(2000000000) %}x{% endfor %}";
const template = { place: "t", text, bosToken: undefined, eosToken: undefined };
const thread = spawnSideThread("text", { work: "render", template, specials: [] });
thread.onMessage((message) => {
  if ((message as { type: string }).type !== "ready") return;
  const limits = { maxTokens: 1, maxTokenBytes: 1 };
  thread.post({ id: 1, messages: [], limits });
  parentPort?.postMessage("rendering");
});
