// A prompt's text to token ids, as the model at hand was trained on them:
//
//   text --AddedTokenSections--> normalized text --WordSplitter--> words --WordEncoder--> ids
//
// It goes piece by piece and stops as soon as the ids, and those that the rest must give at least, pass the limit. The
// caller may stop at each `yield`, so that a long prompt holds up no other. Normalizers and patterns are those of
// @huggingface/tokenizers, and so are the ids.

import type { Tokenizer as Library } from "@huggingface/tokenizers";

import type { JsonObject } from "../model/json-object.ts";
import { ModelError } from "../model/model-files.ts";
import { TEXT } from "../model/value-schemas.ts";
import { AddedTokenSections } from "./added-token-sections.ts";
import type { Literal } from "./added-tokens.ts";
import { BpeModel } from "./bpe-model.ts";
import { IdBuffer } from "./id-buffer.ts";
import { LibraryModel } from "./library-model.ts";
import { PromptTooLongError } from "./prompt-too-long.ts";
import { addFrame, type TextFrame, textFrameOf } from "./text-frame.ts";
import { byteAlphabet } from "./token-pieces.ts";
import type { TokenizerFiles } from "./tokenizer-files.ts";
import { UnigramModel } from "./unigram-model.ts";
import { SHORT, WordEncoder, type WordModel } from "./word-encoder.ts";
import { WordSplitter } from "./word-splitter.ts";

export interface PromptOptions {
  /** More is refused with `PromptTooLongError`. */
  readonly maxTokens: number;
  /** `opened` adds the tokens that open and end a text. */
  readonly form: "opened" | "as-is";
  /** Special tokens that a client wrote, which are text. In order. */
  readonly literals?: readonly Literal[];
}

/** Words between two places to stop. < 1 ms. */
const WORDS = 128;
/** A normalizer makes one character of up to four. */
const SHRINK = 4;

export class PromptEncoder {
  readonly #sections: AddedTokenSections;
  readonly #splitter: WordSplitter;
  readonly #model: WordModel;
  readonly #words: WordEncoder;
  readonly #frame: TextFrame;
  /** Bytes of text that one token stands for at most: of the vocabulary, and of all before normalization. */
  readonly #maxWordBytes: number;
  readonly #maxTokenBytes: number;

  private constructor(files: TokenizerFiles, library: Library) {
    const vocabulary = ordinaryTokens(files, library);
    this.#sections = new AddedTokenSections(files, library.normalizer);
    this.#splitter = new WordSplitter(library.pre_tokenizer);
    this.#model = modelOf(files, library, vocabulary);
    this.#words = new WordEncoder(this.#model);
    this.#frame = textFrameOf(files, library);
    const isComplete = this.#splitter.isLossless && this.#hasAllBytes(vocabulary);
    this.#maxWordBytes = isComplete ? this.#longest(vocabulary) : Number.POSITIVE_INFINITY;
    // An added token may take any number of spaces beside it.
    const strips = [...files.addedTokens.values()].some(
      ({ fields }) => fields["lstrip"] === true || fields["rstrip"] === true,
    );
    const isKept = isComplete && !strips && keepsText(files.tokenizer.object("normalizer"));
    this.#maxTokenBytes = isKept
      ? SHRINK * files.vocabulary.maxTokenBytes
      : Number.POSITIVE_INFINITY;
  }

  /** Throws `ModelError`. */
  static async create(files: TokenizerFiles): Promise<PromptEncoder> {
    const { Tokenizer } = await import("@huggingface/tokenizers");
    const { tokenizer, config, addedTokens } = files;
    const added = [...addedTokens.values()].map((token) => token.fields);
    try {
      const library = new Tokenizer(
        { ...libraryFields(tokenizer), added_tokens: added },
        all(config),
      );
      const encoder = new PromptEncoder(files, library);
      // A broken file is found here, not by the first request.
      encoder.encodeNow("a", { maxTokens: Number.POSITIVE_INFINITY, form: "opened" });
      return encoder;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ModelError(`${tokenizer.place} is not a tokenizer that can be used: ${reason}`);
    }
  }

  encodeNow(text: string, options: PromptOptions): Int32Array {
    const steps = this.encode(text, options);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  /** Throws `PromptTooLongError`. */
  *encode(text: string, options: PromptOptions): Generator<void, Int32Array> {
    const { maxTokens, literals = [] } = options;
    const numTokens = Math.ceil(Buffer.byteLength(text) / this.#maxTokenBytes);
    if (numTokens > maxTokens) throw new PromptTooLongError(numTokens, maxTokens);
    const ids = new IdBuffer({
      maxTokens,
      fusedId: this.#model.fusesUnknown ? this.#model.unknownId : undefined,
      maxTokenBytes: this.#maxWordBytes,
    });
    for (const section of this.#sections.split(text, literals)) {
      if (section.type === "token") ids.push(section.id);
      else yield* this.#encodeWords(section.text, section.index, ids);
      ids.endSection();
    }
    ids.check(0);
    const framed = options.form === "opened" ? addFrame(ids.take(), this.#frame) : ids.take();
    if (framed.length > maxTokens) throw new PromptTooLongError(framed.length, maxTokens);
    return framed;
  }

  *#encodeWords(text: string, index: number, ids: IdBuffer): Generator<void> {
    ids.check(Buffer.byteLength(text));
    let rest = text.length; // never more than the bytes that are left
    let count = 0;
    for (const word of this.#splitter.words(text, index)) {
      if (word.length <= SHORT) this.#words.encodeShort(word, ids);
      else yield* this.#words.encodeLong(word, ids);
      rest -= word.length;
      if (++count % WORDS !== 0) continue;
      ids.check(Math.max(0, rest));
      yield;
    }
  }

  /** True if any text becomes tokens, so that its length says something about their number. */
  #hasAllBytes(vocabulary: ReadonlyMap<string, number>): boolean {
    if (!this.#splitter.spellsBytes) return this.#model.hasByteTokens;
    return byteAlphabet().every((char) => vocabulary.has(char));
  }

  #longest(vocabulary: ReadonlyMap<string, number>): number {
    let longest = 1;
    const { spellsBytes } = this.#splitter;
    for (const token of vocabulary.keys()) {
      longest = Math.max(longest, spellsBytes ? token.length : Buffer.byteLength(token));
    }
    return longest;
  }
}

/** The tokens that a text can be merged to, without special ones. */
function ordinaryTokens(files: TokenizerFiles, library: Library): ReadonlyMap<string, number> {
  const vocabulary = new Map(library.model?.tokens_to_ids);
  for (const { content, special } of files.addedTokens.values()) {
    if (special && !/^<0x[0-9A-F]{2}>$/.test(content)) vocabulary.delete(content);
  }
  return vocabulary;
}

function modelOf(
  { tokenizer }: TokenizerFiles,
  library: Library,
  vocabulary: ReadonlyMap<string, number>,
): WordModel {
  const model = tokenizer.object("model");
  if (model === undefined) throw tokenizer.missing("model");
  if (model.read("type", TEXT) === "Unigram") return new UnigramModel(model, vocabulary);
  if (library.model !== null && hasAffixes(model)) return new LibraryModel(library.model);
  return new BpeModel(model, vocabulary, library.model?.unk_token_id);
}

/** The library's own BPE is used only where a vocabulary marks the ends of words; else ours has the merges. */
function libraryFields(tokenizer: JsonObject): Readonly<Record<string, unknown>> {
  const fields = all(tokenizer);
  const model = tokenizer.object("model");
  if (model === undefined || model.read("type", TEXT) === "Unigram" || hasAffixes(model))
    return fields;
  return { ...fields, model: { ...all(model), type: "BPE", merges: [] } };
}

function hasAffixes(model: JsonObject): boolean {
  return AFFIXES.some((key) => Boolean(model.get(key)));
}

const AFFIXES = ["end_of_word_suffix", "continuing_subword_suffix"];

function all(json: JsonObject): Readonly<Record<string, unknown>> {
  return Object.fromEntries(json.keys().map((key) => [key, json.get(key) ?? null]));
}

/** True if a normalizer leaves a text at least a fourth of its bytes. */
function keepsText(normalizer: JsonObject | undefined): boolean {
  if (normalizer === undefined) return true;
  const type = normalizer.read("type", TEXT);
  if (type === "Sequence") return (normalizer.objects("normalizers") ?? []).every(keepsText);
  if (type === "Replace") {
    const replaced = normalizer.object("pattern")?.read("String", TEXT)?.length ?? SHRINK + 1;
    return replaced <= SHRINK && (normalizer.read("content", TEXT) ?? "") !== "";
  }
  return type === "NFC" || type === "Prepend";
}
