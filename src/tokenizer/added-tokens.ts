// Finds added tokens in a text: at each place the longest. Those that a client wrote into a message are passed over.

import { Trie } from "./trie.ts";

export interface MatchedToken {
  readonly id: number;
  /** As it stands in the text that is searched. */
  readonly content: string;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** A part of a text: an added token, or what stands between them. */
export interface Found {
  readonly text: string;
  readonly begin: number;
  readonly token: MatchedToken | undefined;
}

/** A part of a text, from `begin` up to `end`, that becomes no added token. */
export interface Literal {
  readonly begin: number;
  readonly end: number;
}

export class AddedTokens {
  readonly #trie = new Trie<MatchedToken>();

  /** The last of two with the same content counts. */
  constructor(tokens: Iterable<MatchedToken>) {
    for (const token of tokens) this.#trie.set(token.content, token);
  }

  /** `literals` are in order. */
  split(text: string, literals: readonly Literal[] = []): Found[] {
    const sections: Found[] = [];
    const addPlain = (begin: number, end: number) => {
      if (begin < end) sections.push({ text: text.slice(begin, end), begin, token: undefined });
    };
    let plain = 0;
    let at = this.#trie.nextBegin(text, 0);
    for (let next = 0; at < text.length; at = this.#trie.nextBegin(text, at)) {
      while ((literals[next]?.end ?? Number.POSITIVE_INFINITY) <= at) next++;
      // A token ends before the next literal begins.
      const found = this.#trie.longestAt(text, at, literals[next]?.begin);
      if (found === undefined) at++;
      else {
        addPlain(plain, at);
        sections.push({ text: found.value.content, begin: at, token: found.value });
        at = found.end;
        plain = at;
      }
    }
    addPlain(plain, text.length);
    return strip(sections);
  }
}

/** Tokens may take the spaces beside them. */
function strip(sections: readonly Found[]): Found[] {
  const stripped = [...sections];
  for (const [index, { token }] of sections.entries()) {
    const before = stripped[index - 1];
    const after = stripped[index + 1];
    if (token?.lstrip && before) stripped[index - 1] = { ...before, text: before.text.trimEnd() };
    if (token?.rstrip && after) {
      const text = after.text.trimStart();
      stripped[index + 1] = {
        ...after,
        text,
        begin: after.begin + after.text.length - text.length,
      };
    }
  }
  return stripped;
}
