// Writes the tokenizer, byte-level BPE: tokenizer.json and tokenizer_config.json, from the merges in merges.txt.
//
//   bun models/built-in/tokenizer/train.ts            from the merges as they are
//   bun models/built-in/tokenizer/train.ts learn      from the corpus of today, which makes other merges
//
// Weights fit only the merges that they were trained with. Those that are shipped were learned from the first draft of
// the corpus, which is not kept; so the merges are.

import { corpus } from "../corpus/corpus.ts";
import { python } from "../corpus/tool-call.ts";

const VOCABULARY_SIZE = 2048;
const SAMPLES = 60_000;
const CONTEXT = 1024;
const MERGES = new URL("merges.txt", import.meta.url);

/** In the order of their ids. The two marks of a tool call are text to a client; the others are hidden. */
const ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"];
const HIDDEN = 3;

/** A word with the space before it, a digit, a run of signs, or white space. */
const PRE_TOKEN = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s*[\r\n]+|\s+(?!\S)|\s+`;

type Symbols = string[];

/** How often each pre-token occurs, spelled in byte symbols. */
function countWords(): Map<string, number> {
  const symbols = byteSymbols();
  const encoder = new TextEncoder();
  const pattern = new RegExp(PRE_TOKEN, "gu");
  const counts = new Map<string, number>();
  for (const { messages, tools } of corpus(SAMPLES)) {
    const text = messages.map(({ role, content }) => `${role}\n${content}`).join("\n");
    const all = tools ? `${python(tools.map((tool) => tool.function))}\n${text}` : text;
    for (const [word] of all.matchAll(pattern)) {
      const spelled = [...encoder.encode(word)].map((byte) => symbols[byte]).join("");
      counts.set(spelled, (counts.get(spelled) ?? 0) + 1);
    }
  }
  return counts;
}

interface Word {
  readonly parts: Symbols;
  readonly weight: number;
}

/** The merges, the heaviest pair first. */
function learnMerges(counts: Map<string, number>, number: number): [string, string][] {
  // Less than their share, so that the frames of questions leave room for the words of the answers.
  const words = [...counts].map(([word, count]) => ({ parts: [...word], weight: count ** 0.7 }));
  const merges: [string, string][] = [];
  while (merges.length < number) {
    const [left = "", right = ""] = heaviest(weighPairs(words)).split(" ");
    if (right === "") break;
    merges.push([left, right]);
    for (const word of words) merge(word.parts, left, right);
  }
  return merges;
}

function weighPairs(words: readonly Word[]): Map<string, number> {
  const pairs = new Map<string, number>();
  for (const { parts, weight } of words) {
    for (let i = 1; i < parts.length; i++) {
      const pair = `${parts[i - 1]} ${parts[i]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + weight);
    }
  }
  return pairs;
}

/** Equal weights are decided by the text, so the result is the same everywhere. */
function heaviest(pairs: ReadonlyMap<string, number>): string {
  let best = "";
  let most = 0;
  for (const [pair, weight] of pairs) {
    const isEqual = Math.abs(weight - most) <= 1e-9;
    if (weight > most + 1e-9 || (isEqual && pair < best)) [best, most] = [pair, weight];
  }
  return best;
}

function merge(parts: Symbols, left: string, right: string): void {
  for (let i = 1; i < parts.length; i++) {
    if (parts[i - 1] === left && parts[i] === right) parts.splice(i - 1, 2, left + right);
  }
}

/** GPT-2's printable stand-in for each byte. */
function byteSymbols(): string[] {
  const symbols: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    symbols.push(String.fromCharCode(printable ? byte : next++));
  }
  return symbols;
}

function tokenizerJson(merges: readonly [string, string][]): object {
  const vocabulary: Record<string, number> = {};
  for (const token of ADDED) vocabulary[token] = Object.keys(vocabulary).length;
  for (const token of byteSymbols()) vocabulary[token] = Object.keys(vocabulary).length;
  for (const [left, right] of merges) vocabulary[left + right] = Object.keys(vocabulary).length;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: ADDED.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: id < HIDDEN,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: PRE_TOKEN }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: vocabulary,
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
  };
}

export interface TokenizerFiles {
  readonly tokenizer: string;
  readonly config: string;
}

export async function tokenizerFiles(): Promise<TokenizerFiles> {
  const merges = (await Bun.file(MERGES).text()).trimEnd().split("\n").map(pairOf);
  const template = await Bun.file(new URL("chat-template.jinja", import.meta.url)).text();
  return {
    tokenizer: pretty(tokenizerJson(merges)),
    config: pretty(tokenizerConfig(template.trimEnd())),
  };
}

function pairOf(line: string): [string, string] {
  const [left = "", right = ""] = line.split(" ");
  return [left, right];
}

function tokenizerConfig(template: string): object {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: CONTEXT,
    bos_token: null,
    eos_token: "<|im_end|>",
    pad_token: "<|endoftext|>",
    unk_token: null,
    add_bos_token: false,
    clean_up_tokenization_spaces: false,
    chat_template: template,
  };
}

function pretty(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (import.meta.main) {
  if (process.argv[2] === "learn") {
    const merges = learnMerges(countWords(), VOCABULARY_SIZE - ADDED.length - 256);
    await Bun.write(MERGES, merges.map((pair) => `${pair.join(" ")}\n`).join(""));
  }
  const { tokenizer, config } = await tokenizerFiles();
  const folder = new URL("../", import.meta.url);
  await Bun.write(new URL("tokenizer.json", folder), tokenizer);
  await Bun.write(new URL("tokenizer_config.json", folder), config);
}
