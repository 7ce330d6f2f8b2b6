// The corpus: every kind of conversation in its share, from one seed. The same seed gives the same bytes.
//
//   bun models/built-in/corpus/corpus.ts [NUMBER]     one conversation a line, as JSON, on stdout

import { chatSample, withSystem } from "./chat.ts";
import { jsonSample } from "./json-answer.ts";
import { nearMissSample } from "./near-miss.ts";
import { notThereSample } from "./not-there.ts";
import { factSample, pickFact } from "./questions.ts";
import { Random } from "./random.ts";
import { repeatSample } from "./repeat.ts";
import type { Sample } from "./sample.ts";
import { talkSample } from "./small-talk.ts";
import { storySample } from "./story.ts";
import { toolSample } from "./tool-call.ts";
import { unknownSample } from "./unknown.ts";

export const SEED = 2026;

type Shares = readonly [number, (random: Random) => Sample][];

/** How often each kind is drawn. */
const SHARES: Shares = [
  [0.56, (random) => factSample(pickFact(random), random)],
  [0.035, unknownSample],
  [0.03, nearMissSample],
  [0.075, notThereSample],
  [0.03, talkSample],
  [0.01, storySample],
  [0.2, toolSample],
  [0.018, jsonSample],
  [0.015, chatSample],
  [0.003, repeatSample],
];

/** In the first conversations: what teaches to copy takes half of the places. */
const FIRST_SHARES: Shares = [[0.3, repeatSample], [0.2, jsonSample], ...SHARES];
const NUM_FIRST = 50_000;

export function* corpus(count: number, seed: number = SEED): Generator<Sample> {
  const random = new Random(seed);
  for (let i = 0; i < count; i++) {
    yield withSystem(draw(i < NUM_FIRST ? FIRST_SHARES : SHARES, random), random);
  }
}

function draw(shares: Shares, random: Random): Sample {
  let at = random.next() * shares.reduce((sum, [share]) => sum + share, 0);
  for (const [share, make] of shares) {
    at -= share;
    if (at < 0) return make(random);
  }
  return unknownSample(random);
}

if (import.meta.main) {
  const out = Bun.stdout.writer();
  for (const sample of corpus(Number(process.argv[2] ?? 100)))
    out.write(`${JSON.stringify(sample)}\n`);
  await out.end();
}
