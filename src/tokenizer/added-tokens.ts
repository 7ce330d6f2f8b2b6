// Finds added tokens in a text: at each place the longest. What a client wrote of them into a message is passed over.

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

/** From `begin` up to `end`: a part of a text of which no added token is made. */
export interface Literal {
  readonly begin: number;
  readonly end: number;
}

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  token?: MatchedToken;
}

export class AddedTokens {
  readonly #root: TrieNode = { next: new Map() };
  /** Whether a token begins with a code unit: most of a text is passed over by it. */
  readonly #begins = new Uint8Array(0x10000);

  /** Of two with the same content, the last counts. */
  constructor(tokens: Iterable<MatchedToken>) {
    for (const token of tokens) {
      let node = this.#root;
      for (let at = 0; at < token.content.length; at++) {
        const unit = token.content.charCodeAt(at);
        let next = node.next.get(unit);
        if (next === undefined) {
          next = { next: new Map() };
          node.next.set(unit, next);
        }
        node = next;
      }
      if (node === this.#root) continue;
      node.token = token;
      this.#begins[token.content.charCodeAt(0)] = 1;
    }
  }

  /** `literals` are in order. */
  split(text: string, literals: readonly Literal[] = []): Found[] {
    if (this.#root.next.size === 0)
      return text === "" ? [] : [{ text, begin: 0, token: undefined }];
    const sections: Found[] = [];
    const addPlain = (begin: number, end: number) => {
      if (begin < end) sections.push({ text: text.slice(begin, end), begin, token: undefined });
    };
    let plain = 0;
    for (let at = 0, next = 0; at < text.length; ) {
      while ((literals[next]?.end ?? Number.POSITIVE_INFINITY) <= at) next++;
      const token = this.#longestAt(text, at, literals[next]?.begin);
      if (token === undefined) at++;
      else {
        addPlain(plain, at);
        sections.push({ text: token.content, begin: at, token });
        at += token.content.length;
        plain = at;
      }
    }
    addPlain(plain, text.length);
    return strip(sections);
  }

  /** One that ends before the next literal begins. */
  #longestAt(text: string, at: number, literal = Number.POSITIVE_INFINITY) {
    let found: MatchedToken | undefined;
    const first = text.charCodeAt(at);
    if (this.#begins[first] === 0) return undefined;
    let node = this.#root.next.get(first);
    for (let end = at + 1; node !== undefined; end++) {
      if (node.token !== undefined && end <= literal) found = node.token;
      node = end < text.length ? node.next.get(text.charCodeAt(end)) : undefined;
    }
    return found;
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
