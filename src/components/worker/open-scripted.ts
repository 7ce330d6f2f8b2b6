// Opens a scripted engine: a script's texts become tokens of the model's own vocabulary.

import type { ScriptedParts } from "../../engine/open/open-engine.ts";
import { type ScriptEntry, ScriptedRunner } from "../../engine/scripted-runner.ts";
import { openModelConfig } from "../../model/open-model.ts";
import { openTokenizer } from "../../tokenizer/open-tokenizer.ts";
import { PromptEncoder } from "../../tokenizer/prompt-encoder.ts";
import { TokenText } from "../../tokenizer/token-text.ts";
import type { VllmWorkerConfig } from "./config.ts";
import { readScript, ScriptError, type WrittenEntry } from "./script-file.ts";

const NO_SCRIPT = "This engine has no script: name one with the key `script`.";
const NOTHING_MATCHES = "No entry of the script matches this prompt.";

/** Throws `ScriptError`, `ModelError`. */
export async function openScriptedRunner(
  { model, script }: VllmWorkerConfig,
  { clock, limits }: ScriptedParts,
): Promise<ScriptedRunner> {
  const entries = script === undefined ? [] : readScript(script);
  const card = await openModelConfig(model);
  const files = await openTokenizer(card.path);
  const text = new TokenText(files);
  const vocabSize = Math.max(card.config.vocabSize, text.vocabSize);
  const spell = new Speller(await PromptEncoder.create(files), text);
  const otherwise = script === undefined ? NO_SCRIPT : NOTHING_MATCHES;
  const play = (entry: WrittenEntry, index: number): ScriptEntry => {
    const tokenIds = spell.entry(entry);
    const wrong = tokenIds.find((id) => id >= vocabSize);
    if (wrong !== undefined) {
      const fault = `entry ${index + 1}: ${wrong} is no token; ids are below ${vocabSize}`;
      throw new ScriptError(script ?? "the script", fault);
    }
    return { match: entry.match, tokenIds, delayMs: entry["delay-ms"] };
  };
  return new ScriptedRunner({
    limits: { ...limits, vocabSize },
    clock,
    entries: entries.map(play),
    otherwise: { match: undefined, tokenIds: spell.text(otherwise), delayMs: 0 },
    textOf: (tokenIds) => text.decode(tokenIds),
    fillerId: spell.text(" ")[0] ?? 0,
  });
}

class Speller {
  readonly #encoder: PromptEncoder;
  readonly #text: TokenText;
  #idOfByte: ReadonlyMap<number, number> | undefined;

  constructor(encoder: PromptEncoder, text: TokenText) {
    this.#encoder = encoder;
    this.#text = text;
  }

  entry(entry: WrittenEntry): Int32Array {
    if ("tokens" in entry) return Int32Array.from(entry.tokens);
    if ("pieces" in entry)
      return Int32Array.from(entry.pieces.flatMap((piece) => this.#ids(piece)));
    const { text, split } = entry;
    if (split === "tokens") return this.text(text);
    const ids = split === "bytes" ? this.#bytes(text) : [...text].flatMap((one) => this.#ids(one));
    return Int32Array.from(ids);
  }

  /** Special tokens that it spells are those tokens. */
  text(text: string): Int32Array {
    return this.#encoder.encodeNow(text, { maxTokens: Number.POSITIVE_INFINITY, form: "as-is" });
  }

  #ids(text: string): readonly number[] {
    return [...this.text(text)];
  }

  /** Special tokens are text like any other. Bytes that the vocabulary has no token for come in the characters' tokens. */
  #bytes(text: string): readonly number[] {
    this.#idOfByte ??= byteTokens(this.#text);
    const idOfByte = this.#idOfByte;
    return [...text].flatMap((char) => {
      const ids = [...new TextEncoder().encode(char)].map((byte) => idOfByte.get(byte));
      const known = ids.filter((id) => id !== undefined);
      return known.length === ids.length ? known : this.#ids(char);
    });
  }
}

/** Tokens of one byte each, by byte. */
function byteTokens(text: TokenText): ReadonlyMap<number, number> {
  const ids = new Map<number, number>();
  for (let id = 0; id < text.vocabSize; id++) {
    const piece = text.pieceOf(id);
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    const [byte] = bytes;
    if (bytes.length === 1 && byte !== undefined && !ids.has(byte)) ids.set(byte, id);
  }
  return ids;
}
