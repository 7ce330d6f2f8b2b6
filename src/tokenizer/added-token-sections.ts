// Finds a text's added tokens, and normalizes the text between them.
//
//   text --added tokens--> plain sections --normalizer--> --added tokens that are normalized--> tokens and text

import type { Normalizer } from "@huggingface/tokenizers";

import type { JsonObject } from "../model/json-object.ts";
import { AddedTokens, type Literal, type MatchedToken } from "./added-tokens.ts";
import type { AddedToken, TokenizerFiles } from "./tokenizer-files.ts";

/** A token, or a text that is to be encoded. */
export type Section =
  | { readonly type: "token"; readonly id: number }
  | { readonly type: "text"; readonly text: string; readonly index: number };

export class AddedTokenSections {
  readonly #normalizer: Normalizer | null;
  readonly #clean: (text: string) => string;
  /** Found as they stand, and those found after normalization. */
  readonly #raw: AddedTokens;
  readonly #normalized: AddedTokens;
  /** The same for a text that a client wrote some of: special tokens are found as they stand. */
  readonly #rawOrSpecial: AddedTokens;
  readonly #normalizedPlain: AddedTokens;
  /** A whole section may be a token that is found elsewhere only after normalization. */
  readonly #whole: ReadonlyMap<string, number>;

  constructor({ addedTokens, config }: TokenizerFiles, normalizer: Normalizer | null) {
    const all = [...addedTokens.values()];
    const isNormalized = (token: AddedToken) =>
      normalizer !== null && Boolean(token.fields["normalized"] ?? !token.special);
    const raw = all.filter((token) => !isNormalized(token));
    const normalized = all.filter(isNormalized);
    const normalize = (token: AddedToken): MatchedToken => ({
      ...matchedToken(token),
      content: normalizer?.(token.content) ?? token.content,
    });
    this.#normalizer = normalizer;
    this.#clean = cleanerOf(config);
    this.#raw = new AddedTokens(raw.map(matchedToken));
    this.#normalized = new AddedTokens(normalized.map(normalize));
    const rawOrSpecial = all.filter((token) => token.special || !isNormalized(token));
    this.#rawOrSpecial = new AddedTokens(rawOrSpecial.map(matchedToken));
    const plain = normalized.filter(({ special }) => !special);
    this.#normalizedPlain = new AddedTokens(plain.map(normalize));
    const whole = [...all.map(matchedToken), ...normalized.map(normalize)];
    this.#whole = new Map(whole.map(({ content, id }) => [content, id]));
  }

  /** `literals` are what a client wrote: in order, and no added token is made of them. */
  *split(text: string, literals: readonly Literal[]): Generator<Section> {
    const hasLiterals = literals.length > 0;
    const outer = hasLiterals ? this.#rawOrSpecial : this.#raw;
    const inner = hasLiterals ? this.#normalizedPlain : this.#normalized;
    for (const [index, section] of outer.split(text, literals).entries()) {
      if (section.token !== undefined) yield { type: "token", id: section.token.id };
      else if (section.text !== "") {
        // A token beside it may have taken all of it; a normalizer would still put a mark before nothing.
        yield* this.#splitPlain(section.text, { index, inner, hasLiterals });
      }
    }
  }

  *#splitPlain(text: string, { index, inner, hasLiterals }: PlainOptions): Generator<Section> {
    const whole = hasLiterals ? undefined : this.#whole.get(text);
    if (whole !== undefined) return yield { type: "token", id: whole };
    const cleaned = this.#clean(text);
    for (const part of inner.split(this.#normalizer?.(cleaned) ?? cleaned)) {
      if (part.token !== undefined) yield { type: "token", id: part.token.id };
      else if (part.text !== "") yield { type: "text", text: part.text, index };
    }
  }
}

interface PlainOptions {
  readonly index: number;
  readonly inner: AddedTokens;
  readonly hasLiterals: boolean;
}

function matchedToken({ id, content, fields }: AddedToken): MatchedToken {
  const { lstrip, rstrip } = fields;
  return { id, content, lstrip: lstrip === true, rstrip: rstrip === true };
}

/** Two keys of old tokenizer_config.json files. */
function cleanerOf(config: JsonObject): (text: string) => string {
  const removesSpace = config.get("remove_space") === true;
  const lowers = Boolean(config.get("do_lowercase_and_remove_accent"));
  if (!removesSpace && !lowers) return (text) => text;
  return (text) => {
    const spaced = removesSpace ? text.trim().split(/\s+/).join(" ") : text;
    return lowers ? spaced.toLowerCase().replace(/\p{M}/gu, "") : spaced;
  };
}
