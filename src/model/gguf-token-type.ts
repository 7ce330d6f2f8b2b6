/** Kinds of tokens in `tokenizer.ggml.token_type`: enum llama_token_type of llama.cpp. */
export const GgufTokenType = {
  NORMAL: 1,
  UNKNOWN: 2,
  CONTROL: 3,
  USER_DEFINED: 4,
  UNUSED: 5,
  BYTE: 6,
} as const;
