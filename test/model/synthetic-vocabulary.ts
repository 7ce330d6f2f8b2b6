// A byte-level vocabulary of any size: all bytes, then words of letters, short ones first, each a merge of the word
// one letter shorter. Text is cut into tokens of about three letters, as by a real vocabulary of a poor sort.

import { BYTE_CHARS } from "../tokenizer/byte-chars.ts";

export interface SyntheticVocabulary {
  /** By id: bytes, words, then the special tokens. */
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly numSpecial: number;
}

export const SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"] as const;
export const BOS_TOKEN = "<|endoftext|>";
export const EOS_TOKEN = "<|im_end|>";

export const CHAT_TEMPLATE =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

// English letters by frequency, so that common words are tokens first.
const LETTERS = "etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLUCMFWYPVBGKJQXZ";
const SPACE = "Ġ";

export function syntheticVocabulary(size: number): SyntheticVocabulary {
  const numWords = size - BYTE_CHARS.length - SPECIAL_TOKENS.length;
  if (numWords < 0) throw new Error(`no vocabulary of ${size} tokens`);
  const words: string[] = [];
  const merges: (readonly [string, string])[] = [];
  let shorter = [SPACE, ...LETTERS];
  while (words.length < numWords) {
    const longer: string[] = [];
    for (const word of shorter) {
      for (const letter of LETTERS) {
        if (words.length + longer.length === numWords) break;
        longer.push(word + letter);
        merges.push([word, letter]);
      }
    }
    words.push(...longer);
    shorter = longer;
  }
  return {
    tokens: [...BYTE_CHARS, ...words, ...SPECIAL_TOKENS],
    merges,
    numSpecial: SPECIAL_TOKENS.length,
  };
}
