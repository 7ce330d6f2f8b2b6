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
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const SIGNS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";

/** Llama 3's and Qwen 2's pattern, but for how many digits are a word. */
const withNumbers = (numbers: string) => `${CONTRACTIONS}|${WORD}|${numbers}|${SIGNS}|${SPACES}`;
const LLAMA3 = withNumbers("\\p{N}{1,3}");
const QWEN2 = withNumbers("\\p{N}");

const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

/** Words by their capitals: `HelloWorld` is two. */
function capitalised(upper: string, lower: string, ending: string): string {
  const start = "[^\\r\\n\\p{L}\\p{N}]?";
  return `${start}${upper}*${lower}+${ending}|${start}${upper}+${lower}*${ending}`;
}

const TEKKEN = `${capitalised(UPPER, LOWER, "")}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`;
const CAPITALISED = capitalised(UPPER, LOWER, `${CONTRACTIONS}?`);
const GPT4O = `${CAPITALISED}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`;

const HAN = "\\p{Script=Han}";
const KIMI = `${HAN}+|${capitalised(
  `(?:(?!${HAN})${UPPER})`,
  `(?:(?!${HAN})${LOWER})`,
  `${CONTRACTIONS}?`,
)}|\\p{N}{1,3}|${SIGNS}|${SPACES}`;

const CHINESE_OR_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";
const DEEPSEEK3_WORD =
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+";
const DEEPSEEK3 = `${DEEPSEEK3_WORD}| ?[\\p{P}\\p{S}]+[\\r\\n]*|${SPACES}`;

/** Letters of alphabets with capitals, as of the Unicode of DeepSeek's first models. */
const CASED_LETTERS =
  "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377" +
  "\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556" +
  "\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15" +
  "\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe" +
  "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113" +
  "\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184" +
  "\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e" +
  "\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\u{10400}-\u{1044f}\u{104b0}-\u{104d3}" +
  "\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}\u{118a0}-\u{118df}\u{1e900}-\u{1e943}";
const CHINESE_OR_KOREAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";

/** `1234567` is `1`, `234`, `567`. */
const THOUSANDS = "\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))";
const NO_PUNCTUATION = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";

type Row = readonly [names: string, preTokenizer: PreTokenizer];

const ROWS: readonly Row[] = [
  ["default", { patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"] }],
  [
    "gpt-2 phi-2 mpt olmo mellum jais trillion granite-docling gigachat a.x-4.0 exaone4 modern-bert jina-es jina-de " +
      "jina-v2-es jina-v2-de",
    { patterns: [GPT2] },
  ],
  [
    "smollm starcoder refact command-r codeshell minerva-7b exaone mellum2",
    { patterns: ["\\p{N}", GPT2] },
  ],
  [
    "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral lfm2 midm-2.0 jina-v5-nano",
    { patterns: [LLAMA3], ignoreMerges: true, addBos: true },
  ],
  ["dbrx smaug-bpe glm4 chatglm-bpe", { patterns: [LLAMA3] }],
  ["qwen2 deepseek-r1-qwen kormo f2llmv2", { patterns: [QWEN2], normalizer: "NFC" }],
  ["megrez stablelm2 hunyuan solar-open grok-2", { patterns: [QWEN2] }],
  [
    "qwen35",
    {
      patterns: [
        `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${SPACES}`,
      ],
    },
  ],
  ["tekken", { patterns: [TEKKEN], ignoreMerges: true, addBos: true }],
  ["gpt-4o llama4 kanana2 talkie minimax-m2", { patterns: [GPT4O] }],
  ["granite-embed-multi-97m", { patterns: [GPT4O], ignoreMerges: true }],
  // The word ends behind the digits, which are groups of three from the right.
  [
    "tiny_aya cohere2moe",
    { patterns: ["\\p{Nd}{1,3}(?=(?:\\p{Nd}{3})*(?![\\p{L}\\p{M}\\p{N}\\p{Pc}]))", GPT4O] },
  ],
  ["kimi-k2", { patterns: [KIMI] }],
  [
    "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
    { patterns: ["\\p{N}{1,3}", CHINESE_OR_KANA, DEEPSEEK3] },
  ],
  [
    "spark2_5",
    {
      patterns: [
        ...["\\p{N}{1,3}", CHINESE_OR_KANA],
        `${DEEPSEEK3_WORD}| ?[\\p{P}\\p{S}]+|[\\r\\n]|\\s+(?!\\S)|\\s+`,
        "\\p{N}",
      ],
    },
  ],
  [
    "deepseek-coder",
    { patterns: ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CHINESE_OR_KOREAN, "\\p{N}"] },
  ],
  [
    "deepseek-llm",
    {
      patterns: [
        ...["[\\r\\n]", `\\s?[${CASED_LETTERS}]+`],
        "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
        ...["\\s+$", CHINESE_OR_KOREAN, "\\p{N}+"],
      ],
    },
  ],
  [
    "afmoe",
    {
      patterns: [
        THOUSANDS,
        "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0e7f" +
          "\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+",
        DEEPSEEK3,
      ],
    },
  ],
  [
    "youtu",
    {
      patterns: [
        "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|" +
          `[\u3105-\u312f]+|${CHINESE_OR_KANA}`,
        `${CAPITALISED}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
      ],
      ignoreMerges: true,
    },
  ],
  ["laguna", { patterns: ["[^\\n]+|[\\n]+", QWEN2] }],
  ["ufakzeka", { patterns: [`${WORD}|\\p{N}|${SIGNS}|${SPACES}`] }],
  ["minicpm5", { patterns: ["\\p{N}{1,3}", withNumbers("\\p{N}+")], ignoreMerges: true }],
  [
    "seed-coder",
    { patterns: [`${CONTRACTIONS}|${WORD}|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${SPACES}`] },
  ],
  // Its possessive quantifiers change nothing: what follows them can match nothing of theirs.
  [
    "bailingmoe bailingmoe2 llada-moe",
    {
      patterns: [`'(?i:[sdmt]|ll|ve|re)|${WORD}|\\p{N}|${SIGNS}|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`],
    },
  ],
  [
    "exaone-moe",
    {
      patterns: [
        `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}|` +
          " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
      ],
    },
  ],
  [
    "jais-2",
    {
      patterns: [
        `${CONTRACTIONS}|${WORD}|\\p{N}{1,3}|${SIGNS}|\\s*[\\r\\n]+|` +
          [512, 256, 128, 64, 32, 16, 8, 4].map((count) => `\\s{${count}}(?!\\S)|`).join("") +
          "\\s{1,2}(?!\\S)|\\s{1}",
      ],
    },
  ],
  ["falcon", { patterns: ["[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"] }],
  ["poro-chat bloom gpt3-finnish", { patterns: [NO_PUNCTUATION] }],
  ["viking", { patterns: [NO_PUNCTUATION, "\\p{N}"] }],
  ["superbpe", { patterns: ["\\p{N}+", "(?=(?:\\p{Nd}{3})+(?!\\p{Nd}))"] }],
  [
    "chameleon",
    {
      patterns: [
        ...["<sentinel:[0-9]+>", "(?:IMGIMG)(?:[A-I]{1,4})Z", "[\\t\\n]|    |  ", "\\p{N}"],
        ...["[\\p{P}!-/:-@\\[-`{-~]", GPT2],
      ],
      addBos: true,
    },
  ],
];

export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map(
  ROWS.flatMap(([names, preTokenizer]) =>
    names.split(" ").map((name) => [name, preTokenizer] as const),
  ),
);
