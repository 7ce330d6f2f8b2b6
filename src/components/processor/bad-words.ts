// Forbidden words as token ids: a word has other tokens at the start of a text than behind a blank (vLLM
// sampling_params.py, update_from_tokenizer).

/** The texts to encode, two for each word. */
export function wordTexts(words: readonly string[]): readonly string[] {
  return words.flatMap((word) => [word, ` ${word.trimStart()}`]);
}

/** `encoded` are the ids of `wordTexts(words)`. The second of a pair counts only where it differs as a word does. */
export function badWordsOf(
  words: readonly string[],
  encoded: readonly Int32Array[],
): readonly (readonly number[])[] {
  return words.flatMap((_, index) => {
    const bare = [...(encoded[2 * index] ?? [])];
    const behindBlank = [...(encoded[2 * index + 1] ?? [])];
    const isOther = behindBlank[0] !== bare[0] && behindBlank.length === bare.length;
    return [bare, ...(isOther ? [behindBlank] : [])].filter((ids) => ids.length > 0);
  });
}
