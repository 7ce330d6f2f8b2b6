// Questions about facts, in all their wordings.

import { inContext } from "./contexts.ts";
import type { Fact } from "./fact.ts";
import { ACCESS } from "./facts/access.ts";
import { AGENTS } from "./facts/agents.ts";
import { FAILURES } from "./facts/failures.ts";
import { HUB } from "./facts/hub.ts";
import { isHeldOut, trainedPhrasings } from "./facts/phrasings.ts";
import { SITUATIONS } from "./facts/situations.ts";
import { UNATTENDED } from "./facts/unattended.ts";
import { FACTS } from "./facts.ts";
import { HELD_OUT_HOW_FRAMES, HELD_OUT_WHAT_FRAMES, HOW_FRAMES, WHAT_FRAMES } from "./frames.ts";
import { typed } from "./noise.ts";
import { write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Sample } from "./sample.ts";

/** A question for training. */
export function askFact(fact: Fact, random: Random): string {
  for (;;) {
    const plain = plainQuestion(fact, random);
    const question = typed(inContext(plain, random), random);
    if (!isHeldOut(plain) && !isHeldOut(question)) return question;
  }
}

export function factSample(fact: Fact, random: Random): Sample {
  return {
    kind: "fact",
    template: fact.id,
    messages: exchange(askFact(fact, random), fact.answer),
  };
}

/** A fact; the most important ones more often, and those that the weights before these did not know. */
export function pickFact(random: Random): Fact {
  const kind = random.next();
  if (kind < 0.58) return random.pick(LATEST);
  return kind < 0.7 ? random.pick(IMPORTANT) : random.pick(FACTS);
}

/** Questions in sentence frames that training never saw. */
export function heldOutFrames(fact: Fact, random: Random): string[] {
  const questions: string[] = [];
  if (fact.how) {
    const frame = random.pick(HELD_OUT_HOW_FRAMES);
    questions.push(write(frame, random, { v: random.pick(fact.how) }));
  }
  if (fact.what) {
    const frame = random.pick(HELD_OUT_WHAT_FRAMES);
    questions.push(write(frame, random, { n: random.pick(fact.what) }));
  }
  return questions;
}

/** What people ask first. */
const IMPORTANT_IDS = new Set(
  (
    "change-router router-modes router-default kv-routing disaggregated serve npm-start dry-run explain config-file override change-port " +
    "default-port host model-flag stop no-gpu no-etcd-nats no-docker-python test-request exit-codes version help without-f precedence workers " +
    "block-size max-model-len max-num-seqs prefix-caching-key threads kv-size mock-yaml served-model-name config-format unknown-key " +
    "graph define-graph agg-graph components frontend processor vllm-worker vllm language write-service depends link routes openai-compatible health metrics-route " +
    "stream max-tokens temperature seed stop-param error-503 error-404 context-length-exceeded finish-reasons install requirements build executable npm-test bench " +
    "license platform docs gguf model-formats architectures download-model offline dynamo nvidia-dynamo prefill decode " +
    "prefill-vs-decode paged-attention prefix-caching kv-block worker-fails supervisor registry ttft itl contribute prefill-worker disagg-graph quantization "
  )
    .trim()
    .split(" "),
);

/** Facts that have come, or have another answer, since the weights of 28 November. */
export const LATEST: readonly Fact[] = [
  ...[ACCESS, HUB, AGENTS, UNATTENDED, FAILURES].flat(),
  ...FACTS.filter(({ id }) =>
    (
      "dry-run-model-files no-gpu no-etcd-nats no-docker-python vllm user-graphs openai-compatible shared-weights llama3-rope gguf " +
      "offline gptq-awq host download-model tools routes stop inflight architectures model-formats platform http-library docs " +
      "frontend-keys worker-fails unlinked mailbox-key model-flag executable finish-reasons your-limits"
    )
      .split(" ")
      .includes(id),
  ),
];

const IMPORTANT = FACTS.filter(({ id }) => IMPORTANT_IDS.has(id));

function plainQuestion(fact: Fact, random: Random): string {
  const phrasings = trainedPhrasings(fact.id);
  if (phrasings.length > 0 && random.chance(0.7)) return write(random.pick(phrasings), random);
  const ways: [number, () => string][] = [];
  if (fact.how) {
    const how = fact.how;
    ways.push([
      1.5 + how.length,
      () => write(random.pick(HOW_FRAMES), random, { v: random.pick(how) }),
    ]);
  }
  if (fact.what) {
    const what = fact.what;
    const weight = 1 + what.length / 2;
    ways.push([weight, () => write(random.pick(WHAT_FRAMES), random, { n: random.pick(what) })]);
  }
  const ask = [...(fact.ask ?? []), ...(SITUATIONS[fact.id] ?? [])];
  if (ask.length > 0) {
    ways.push([1.5 + ask.length, () => `${write(random.pick(ask), random)}?`]);
  }
  if (fact.key) {
    const key = fact.key;
    ways.push([1.2, () => keywords(random.pick(key), random)]);
  }
  let at = random.next() * ways.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of ways) {
    at -= weight;
    if (at <= 0) return make();
  }
  return write(fact.answer, random);
}

/** What people type into a search box. */
function keywords(words: string, random: Random): string {
  const shuffled = random.chance(0.2) ? random.shuffle(words.split(" ")).join(" ") : words;
  return write(
    random.pick([
      "{k}",
      "{k}",
      "{k}",
      "dynamo {k}",
      "{k} dynamo",
      "{k} how",
      "{k} [help|info|please]",
    ]),
    random,
    {
      k: shuffled,
    },
  );
}

/** How many different wordings of a fact come up in so many tries, without the noise of typing. */
export function plainWordings(fact: Fact, random: Random, tries: number): number {
  const wordings = new Set<string>();
  for (let i = 0; i < tries; i++) wordings.add(plainQuestion(fact, random));
  return wordings.size;
}
