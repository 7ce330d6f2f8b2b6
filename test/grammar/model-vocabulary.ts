import { TokenTrie } from "../../src/grammar/token-trie.ts";
import { openTokenizer } from "../../src/tokenizer/open-tokenizer.ts";
import { TokenPieces } from "../../src/tokenizer/token-pieces.ts";
import { spellingsOf } from "../../src/tokenizer/tokenizer-files.ts";
import { seededRandom } from "../seeded-random.ts";

/** The vocabulary of a model's tokenizer; its added tokens are special, and one of them is EOS. */
export async function modelVocabulary(model: string): Promise<TokenTrie> {
  const { tokenizer, addedTokens, eosToken, vocabulary } = await openTokenizer(model);
  const decoder = tokenizer.object("decoder");
  if (decoder === undefined) throw tokenizer.missing("decoder");
  const spellings = spellingsOf(tokenizer);
  const pieces = new TokenPieces({ decoder, addedTokens, tokenOf: (id) => spellings[id] });
  const eos = [...addedTokens.values()].find(({ content }) => content === eosToken);
  return TokenTrie.of({
    tokenBytes: Array.from({ length: vocabulary.numIds }, (_, id) =>
      Buffer.from(pieces.pieceOf(id)),
    ),
    specialTokenIds: addedTokens.keys(),
    eosTokenIds: [eos?.id ?? 0],
  });
}

const SYLLABLES =
  "a e i o u an en in on er re st th ch tion ing al ar le ve pre con ä ö é 中 文 の я т".split(" ");
const ENDS = [
  '"',
  '",',
  '":',
  '"}',
  '",\n',
  "{",
  "}",
  "[",
  "]",
  "},",
  "\\n",
  ".",
  ", ",
  ":",
  "  ",
  "\n\n",
];

/** As many tokens, about as long, and as many of them with marks of JSON, as in vocabularies of today. Made up. */
export function syntheticVocabulary(numTokens: number): TokenTrie {
  const random = seededRandom(7);
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? "";
  const texts = new Set<string>();
  while (texts.size < numTokens - 257) {
    const numSyllables = 1 + Math.floor(random() * 4);
    let text = random() < 0.5 ? " " : "";
    for (let count = 0; count < numSyllables; count++) text += pick(SYLLABLES);
    if (random() < 0.03) text += pick(ENDS);
    if (random() < 0.02) text = pick(ENDS) + text;
    if (random() < 0.01) text = String(Math.floor(random() * 1000));
    texts.add(text);
  }
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const words = [...texts].map((text) => new TextEncoder().encode(text));
  return TokenTrie.of({
    tokenBytes: [...bytes, ...words, undefined],
    specialTokenIds: [],
    eosTokenIds: [numTokens - 1],
  });
}
