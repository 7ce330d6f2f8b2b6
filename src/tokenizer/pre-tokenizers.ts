// How byte-level vocabularies cut a text into words before merging, by the name that GGUF files give it
// in `tokenizer.ggml.pre`. The patterns are those of the tokenizer.json that each name stands for, and of
// src/llama-vocab.cpp of llama.cpp, where the names come from.

export interface PreTokenizer {
  /** Each cuts what the one before left whole. */
  readonly patterns: readonly string[];
  readonly normalizer?: "NFC";
  /** A word that is a token needs no merges. */
  readonly ignoreMerges?: true;
  /** True if the model's opening token opens a text where the file does not say. */
  readonly addBos?: true;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const LLAMA3 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const QWEN2 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const TEKKEN = `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const gpt2: PreTokenizer = { patterns: [GPT2] };
const gpt2WithDigits: PreTokenizer = { patterns: ["\\p{N}", GPT2] };
const llama3: PreTokenizer = { patterns: [LLAMA3], ignoreMerges: true, addBos: true };
const llama3Words: PreTokenizer = { patterns: [LLAMA3] };
const qwen2: PreTokenizer = { patterns: [QWEN2], normalizer: "NFC" };
const qwen2Words: PreTokenizer = { patterns: [QWEN2] };

export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ["default", { patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"] }],
  ["gpt-2", gpt2],
  ["phi-2", gpt2],
  ["mpt", gpt2],
  ["olmo", gpt2],
  ["mellum", gpt2],
  ["smollm", gpt2WithDigits],
  ["starcoder", gpt2WithDigits],
  ["refact", gpt2WithDigits],
  ["command-r", gpt2WithDigits],
  ["codeshell", gpt2WithDigits],
  ["minerva-7b", gpt2WithDigits],
  ["llama-bpe", llama3],
  ["llama3", llama3],
  ["llama-v3", llama3],
  ["falcon3", llama3],
  ["pixtral", llama3],
  ["lfm2", llama3],
  ["dbrx", llama3Words],
  ["smaug-bpe", llama3Words],
  ["qwen2", qwen2],
  ["deepseek-r1-qwen", qwen2],
  ["megrez", qwen2Words],
  ["stablelm2", qwen2Words],
  ["tekken", { patterns: [TEKKEN], ignoreMerges: true, addBos: true }],
  [
    "deepseek-coder",
    {
      patterns: [
        "[\\r\\n]",
        "\\s?\\p{L}+",
        "\\s?\\p{P}+",
        "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
        "\\p{N}",
      ],
    },
  ],
]);
