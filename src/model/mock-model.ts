/** The model that needs no files: a mocked engine, and a tokenizer with a token for each character. */
export const MOCK_MODEL = "mock";

/** Its tokens: the printable characters of ASCII, 0x20 to 0x7e. */
export const MOCK_VOCAB_SIZE = 95;
