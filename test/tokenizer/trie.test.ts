import { expect, test } from "bun:test";
import * as fc from "fast-check";

import { Trie } from "../../src/tokenizer/trie.ts";

test("texts are found where a search by hand finds them", async () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "<"), maxLength: 5 });
  const within = fc.string({ unit: fc.constantFrom("a", "b", "<", "c"), maxLength: 20 });
  await fc.assert(
    fc.property(fc.uniqueArray(letters), within, (texts, text) => {
      const trie = new Trie<string>();
      for (const each of texts) trie.set(each, each);
      const known = texts.filter((each) => each !== "");
      expect(trie.isEmpty).toBe(known.length === 0);
      for (let at = 0; at < text.length; at++) {
        const here = known.filter((each) => text.startsWith(each, at));
        const all: string[] = [];
        trie.eachAt(text, at, (end, value) => {
          expect(end).toBe(at + value.length);
          all.push(value);
        });
        expect(all).toEqual(here.sort((a, b) => a.length - b.length));
        expect(trie.longestAt(text, at)?.value).toBe(here.at(-1));
        const short = here.filter(({ length }) => length <= 2).at(-1);
        expect(trie.longestAt(text, at, at + 2)?.value).toBe(short);
        if (here.length > 0) expect(trie.nextBegin(text, at)).toBe(at);
      }
    }),
  );
});
