// Encodes the corpus for the trainer, with exactly the template and the tokenizer that serve it later.
//
//   bun models/built-in/train/encode.ts NUMBER FILE [SKIP]     without the first SKIP conversations
//
// The file is 16-bit words: the length of a conversation, then its token ids. The highest bit of an id
// says that it is learned: what the assistant writes, and the mark that ends it.

import { Tokenizer } from "@huggingface/tokenizers";

import { Template } from "../../../src/jinja/template.ts";
import { corpus, SEED } from "../corpus/corpus.ts";
import { LATEST } from "../corpus/questions.ts";
import { Random } from "../corpus/random.ts";
import type { Sample } from "../corpus/sample.ts";

const LEARNED = 0x8000;
const CONTEXT = 1024;
/** Share of single answers of which only the beginning is learned: of those that are known, and of the latest. */
const CUT = 0.9;
const CUT_LATEST = 0.6;
const folder = new URL("../", import.meta.url);

export interface Encoder {
  /** The conversation as the served template renders it. */
  render(sample: Sample): string;
  encode(text: string): number[];
}

export async function openEncoder(): Promise<Encoder> {
  const config = await Bun.file(new URL("tokenizer_config.json", folder)).json();
  const tokenizer = new Tokenizer(await Bun.file(new URL("tokenizer.json", folder)).json(), config);
  const template = new Template(config.chat_template);
  return {
    render: ({ messages, tools }) =>
      template.render({ messages, tools: tools ?? null, add_generation_prompt: false }),
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
  };
}

/** The ids, with those that are learned marked. */
export function marked(ids: readonly number[], encoder: Encoder): Uint16Array {
  const [start = 0, ...assistant] = encoder.encode("<|im_start|>assistant\n");
  const [end = 0] = encoder.encode("<|im_end|>");
  const out = Uint16Array.from(ids);
  let learning = false;
  for (let i = 0; i < ids.length; i++) {
    if (learning) out[i] = (ids[i] ?? 0) | LEARNED;
    if (ids[i] === end) learning = false;
    if (ids[i] === start && assistant.every((id, offset) => ids[i + 1 + offset] === id)) {
      learning = true;
      i += assistant.length;
    }
  }
  return out;
}

/** The same question always has the same answer. Most of them are cut: which one it is, is decided at their beginning. */
function isOneAnswer({ kind, template }: Sample): boolean {
  return kind === "unknown" || kind === "fact" || (kind === "talk" && template !== "repeat");
}

function cut(ids: Uint16Array): Uint16Array {
  return ids.subarray(0, ids.findIndex((id) => id >= LEARNED) + 7);
}

if (import.meta.main) {
  const [, , count = "1000", file = "corpus.bin", skip = "0"] = process.argv;
  const random = new Random(SEED);
  const latest = new Set([...LATEST.map(({ id }) => id), "not-there"]);
  const encoder = await openEncoder();
  const writer = Bun.file(file).writer();
  let conversations = 0;
  let tokens = 0;
  let learned = 0;
  let position = 0;
  for (const sample of corpus(Number(count))) {
    position += 1;
    if (position <= Number(skip)) continue;
    const whole = marked(encoder.encode(encoder.render(sample)), encoder);
    const ids =
      isOneAnswer(sample) && random.chance(latest.has(sample.template) ? CUT_LATEST : CUT)
        ? cut(whole)
        : whole;
    if (ids.length > CONTEXT) continue;
    writer.write(Uint16Array.of(ids.length));
    writer.write(ids);
    conversations += 1;
    tokens += ids.length;
    learned += ids.filter((id) => id >= LEARNED).length;
  }
  await writer.end();
  process.stdout.write(`${conversations} conversations, ${tokens} tokens, ${learned} learned\n`);
}
