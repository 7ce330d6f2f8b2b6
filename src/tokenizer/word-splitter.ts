// Cuts a text into words as the `pre_tokenizer` of tokenizer.json says, one at a time, so that a long text need not be
// cut whole. Patterns are @huggingface/tokenizers'; each is applied as it does.

import type {
  ByteLevelPreTokenizer,
  PreTokenizer,
  SplitPreTokenizer,
} from "@huggingface/tokenizers";

import { byteAlphabet } from "./token-pieces.ts";

type Step = (text: string, sectionIndex: number) => Iterable<string>;

export class WordSplitter {
  /** True if the words, end to end, are the text. */
  readonly isLossless: boolean;
  /** True if words are in the alphabet that has a character for each byte. */
  readonly spellsBytes: boolean;
  readonly #steps: readonly Step[];

  constructor(library: PreTokenizer | null) {
    const parts = partsOf(library);
    this.isLossless = parts.every(isLossless);
    this.spellsBytes = parts.some(isByteLevel);
    this.#steps = parts.flatMap(stepsOf);
  }

  words(text: string, sectionIndex: number): Iterable<string> {
    return this.#split(text, sectionIndex, 0);
  }

  *#split(text: string, sectionIndex: number, index: number): Iterable<string> {
    const step = this.#steps[index];
    if (step === undefined) yield text;
    else if (index === this.#steps.length - 1) yield* step(text, sectionIndex);
    else {
      for (const part of step(text, sectionIndex))
        yield* this.#split(part, sectionIndex, index + 1);
    }
  }
}

/** A Sequence's own, in order. */
function partsOf(library: PreTokenizer | null): readonly PreTokenizer[] {
  if (library === null) return [];
  if (!("tokenizers" in library)) return [library];
  return (library.tokenizers as readonly (PreTokenizer | null)[]).flatMap(partsOf);
}

function stepsOf(library: PreTokenizer): readonly Step[] {
  if (isByteLevel(library)) return byteLevelSteps(library);
  if (isSplit(library)) return splitSteps(library);
  return [(text, sectionIndex) => library.pre_tokenize_text(text, { section_index: sectionIndex })];
}

function byteLevelSteps({ add_prefix_space, use_regex, pattern }: ByteLevelPreTokenizer): Step[] {
  const words = withSpacesOfRust(pattern);
  const prefix: Step = (text) => [text.startsWith(" ") ? text : ` ${text}`];
  return [
    ...(add_prefix_space ? [prefix] : []),
    ...(use_regex ? [(text: string) => matches(text, words)] : []),
    (text) => [spellBytes(text)],
  ];
}

function splitSteps(library: SplitPreTokenizer): Step[] {
  const { config } = library;
  if (library.pattern === null) return [() => []];
  const pattern = withSpacesOfRust(library.pattern);
  if (config.invert) return [(text) => matches(text, pattern)];
  if (config.behavior?.toLowerCase() === "removed") {
    return [(text) => library.pre_tokenize_text(text)];
  }
  return [(text) => isolate(text, pattern)];
}

/** `\s` with U+0085 and without U+FEFF, as the patterns' authors had it: JavaScript's is the other way round. */
function withSpacesOfRust({ source, flags }: RegExp): RegExp {
  const spaces: Readonly<Record<string, string>> = {
    "\\s": "\\p{White_Space}",
    "\\S": "\\P{White_Space}",
  };
  return new RegExp(
    source.replace(/\\./gs, (escaped) => spaces[escaped] ?? escaped),
    flags,
  );
}

function* matches(text: string, pattern: RegExp): Iterable<string> {
  for (const [match] of text.matchAll(pattern)) if (match !== "") yield match;
}

/** The parts that match, and those between them. */
function* isolate(text: string, pattern: RegExp): Iterable<string> {
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (end < match.index) yield text.slice(end, match.index);
    if (match[0] !== "") yield match[0];
    end = match.index + match[0].length;
  }
  if (end < text.length) yield text.slice(end);
}

/** A byte-level pattern matches every character, one way or another. */
function isLossless(library: PreTokenizer): boolean {
  if (isByteLevel(library)) return true;
  return (
    isSplit(library) &&
    library.pattern !== null &&
    !library.config.invert &&
    library.config.behavior?.toLowerCase() !== "removed"
  );
}

function isByteLevel(library: PreTokenizer): library is ByteLevelPreTokenizer {
  return "byte_encoder" in library;
}

function isSplit(library: PreTokenizer): library is SplitPreTokenizer {
  return "pattern" in library && "config" in library && "pattern" in (library.config as object);
}

const utf16 = new TextDecoder("utf-16le");

/** GPT-2's alphabet: a character for each byte. */
function spellBytes(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const chars = new Uint16Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) chars[at] = BYTE_CHARS[bytes[at] ?? 0] ?? 0;
  return utf16.decode(chars);
}

const BYTE_CHARS = Uint16Array.from(byteAlphabet(), (char) => char.charCodeAt(0));
