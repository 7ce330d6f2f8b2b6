import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { ApiError } from "../../src/door/api-error.ts";
import { parseChatRequest, parseCompletionRequest } from "../../src/openai/schema.ts";

const MESSAGES = [{ role: "user", content: "hi" }];
const chat = (extra: object = {}) =>
  parseChatRequest({ model: "m", messages: MESSAGES, ...extra }, 7);
const completion = (extra: object = {}) =>
  parseCompletionRequest({ model: "m", prompt: "hi", ...extra }, 7);

/** The ApiError that `run` throws. */
function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("should have been refused");
}

// Stated once more, on purpose: these are the documented bounds, whatever the schema says.
const DECIMALS = [
  { field: "temperature", min: 0, max: 2 },
  { field: "top_p", above: 0, max: 1 },
  { field: "min_p", min: 0, max: 1 },
  { field: "presence_penalty", min: -2, max: 2 },
  { field: "frequency_penalty", min: -2, max: 2 },
  { field: "repetition_penalty", above: 0, max: 2 },
] as const;
const SAFE = Number.MAX_SAFE_INTEGER;
const INTEGERS = [
  { field: "n", min: 1, max: 128 },
  { field: "max_tokens", min: 1, max: SAFE },
  { field: "min_tokens", min: 0, max: SAFE },
  { field: "top_k", min: -1, max: SAFE },
  { field: "seed", min: -SAFE, max: SAFE }, // beyond, a bigint: parse-json.ts
] as const;

describe("numbers", () => {
  for (const { field, ...bounds } of DECIMALS) {
    const low = "min" in bounds ? bounds.min : bounds.above;
    const isInside = (x: number) => ("min" in bounds ? x >= low : x > low) && x <= bounds.max;

    test(`${field} is taken within its bounds and refused outside`, () => {
      const edges = [low, bounds.max, low - 1e-9, bounds.max + 1e-9, low - 1, bounds.max + 1];
      const values = fc.oneof(fc.double(), fc.constantFrom(...edges, 1e308, -1e308, Infinity));
      fc.assert(
        fc.property(values, (value) => {
          const accept = () => completion({ [field]: value });
          if (isInside(value)) accept();
          else expect(refusal(accept)).toMatchObject({ status: 400, param: field });
        }),
      );
    });
  }

  for (const { field, min, max } of INTEGERS) {
    test(`${field} is an integer within its bounds`, () => {
      const edges = [min, max, min - 1, max + 1, min + 0.5, 2 ** 53, 1e308, Number.NaN];
      const values = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(...edges));
      fc.assert(
        fc.property(values, (value) => {
          const accept = () => completion({ [field]: value });
          if (Number.isSafeInteger(value) && value >= min && value <= max) accept();
          else expect(refusal(accept)).toMatchObject({ status: 400, param: field });
        }),
      );
    });
  }

  test("a seed has 64 bits, with a sign or without", () => {
    const [min, max] = [-(2n ** 63n), 2n ** 64n - 1n];
    expect(completion({ seed: max }).request.seed).toBe(max);
    expect(completion({ seed: min }).request.seed).toBe(2n ** 63n);
    expect(completion({ seed: -1 }).request.seed).toBe(max);
    for (const seed of [min - 1n, max + 1n]) {
      const error = refusal(() => completion({ seed }));
      expect(error).toMatchObject({ status: 400, code: "invalid_value", param: "seed" });
    }
  });

  test("a number in a string is a wrong type", () => {
    for (const { field } of [...DECIMALS, ...INTEGERS]) {
      const error = refusal(() => completion({ [field]: "1" }));
      expect(error).toMatchObject({ code: "invalid_type", param: field });
    }
  });
});

describe("defaults", () => {
  test("what the model decides stays open, the rest has its value", () => {
    expect(chat().request).toEqual({
      tools: [],
      toolChoice: "auto",
      parallelToolCalls: true,
      templateVariables: {},
      tenant: 7,
      model: "m",
      n: 1,
      stream: false,
      includeUsage: false,
      seed: undefined,
      presencePenalty: 0,
      frequencyPenalty: 0,
      maxTokens: undefined,
      minTokens: 0,
      ignoreEos: false,
      backendInstanceId: undefined,
      annotations: [],
      stop: [],
      messages: [{ role: "user", content: "hi", name: undefined }],
      useRawPrompt: false,
    });
  });

  test("null is the same as absent, for every field that has a default", () => {
    const fields = [...DECIMALS, ...INTEGERS].map(({ field }) => field);
    const more = ["stop", "stream", "stream_options", "nvext", "ignore_eos", "tools", "logprobs"];
    const nulls = Object.fromEntries([...fields, ...more].map((field) => [field, null]));
    expect(completion(nulls)).toEqual(completion());
  });

  test("max_completion_tokens wins over max_tokens", () => {
    expect(chat({ max_tokens: 5, max_completion_tokens: 3 }).request.maxTokens).toBe(3);
  });

  test("top_k of -1 and 0 both mean off", () => {
    expect(completion({ top_k: -1 }).request.topK).toBe(0);
    expect(completion({ top_k: 0 }).request.topK).toBe(0);
  });
});

describe("nvext", () => {
  const nvext = { ignore_eos: true, top_k: 3, repetition_penalty: 1.5, greed_sampling: true };

  test("its fields count when the root has none", () => {
    expect(completion({ nvext }).request).toMatchObject({
      ignoreEos: true,
      topK: 3,
      repetitionPenalty: 1.5,
      temperature: 0,
    });
  });

  test("the root wins", () => {
    const root = { ignore_eos: false, top_k: 0, repetition_penalty: 1, temperature: 0.5 };
    expect(completion({ nvext, ...root }).request).toMatchObject({
      ignoreEos: false,
      topK: 0,
      repetitionPenalty: 1,
      temperature: 0.5,
    });
  });

  test("a raw prompt is passed on; annotations that nobody knows are reported as ignored", () => {
    const { request, ignored } = chat({ nvext: { use_raw_prompt: true, annotations: ["x"] } });
    expect(request.useRawPrompt).toBe(true);
    expect(ignored).toEqual(["nvext.annotations"]);
    const nvext = { annotations: ["query_instance_id"], backend_instance_id: 7 };
    const known = chat({ nvext });
    const annotations = ["query_instance_id"];
    expect(known.request).toMatchObject({ annotations, backendInstanceId: 7 });
    expect(known.ignored).toEqual([]);
  });

  test("a guided grammar in it is one of the request", () => {
    expect(chat({ nvext: { guided_regex: "a+" } }).request.form).toEqual({
      ...{ type: "field", field: "nvext.guided_regex", body: { type: "regex", pattern: "a+" } },
    });
  });
});

describe("messages", () => {
  const withMessage = (message: object) => () => chat({ messages: [...MESSAGES, message] });

  test("text parts are joined by newlines", () => {
    const content = [
      { type: "text", text: "one" },
      { type: "text", text: "two" },
    ];
    expect(chat({ messages: [{ role: "user", content }] }).request.messages[0]?.content).toBe(
      "one\ntwo",
    );
  });

  test("an assistant's message may have no content", () => {
    const { request } = withMessage({ role: "assistant", content: null })();
    expect(request.messages[1]).toEqual({ role: "assistant", content: "", name: undefined });
  });

  test("what is wrong is named by its path", () => {
    const image = { type: "image_url", image_url: { url: "x" } };
    expect(refusal(withMessage({ role: "user" })).param).toBe("messages[1].content");
    expect(refusal(withMessage({ content: "x" })).param).toBe("messages[1].role");
    expect(refusal(withMessage({ role: "cat", content: "x" })).param).toBe("messages[1].role");
    expect(refusal(withMessage({ role: "user", content: 5 })).param).toBe("messages[1].content");
    expect(refusal(withMessage({ role: "user", content: [image] })).param).toBe(
      "messages[1].content[0].type",
    );
    expect(refusal(() => chat({ messages: ["x"] })).param).toBe("messages[0]");
    expect(refusal(() => chat({ messages: "x" })).param).toBe("messages");
  });

  test("10000 messages are taken, one more is not", () => {
    const messages = Array(10_000).fill(MESSAGES[0]);
    expect(chat({ messages }).request.messages).toHaveLength(10_000);
    expect(refusal(() => chat({ messages: [...messages, MESSAGES[0]] })).param).toBe("messages");
  });
});

describe("prompts", () => {
  test("a prompt is a text, token ids, or a list of either", () => {
    const prompts = (prompt: unknown) => completion({ prompt }).request.prompts;
    expect(prompts("a")).toEqual(["a"]);
    expect(prompts(["a", "b"])).toEqual(["a", "b"]);
    expect(prompts([1, 2])).toEqual([Int32Array.of(1, 2)]);
    expect(prompts([[1], [2, 3]])).toEqual([Int32Array.of(1), Int32Array.of(2, 3)]);
  });

  test("any other prompt is refused and named", () => {
    const wrong = [5, true, {}, [], [[]], [1, "a"], ["a", 1], [1.5], [-1], [2 ** 31], [[1], [-1]]];
    for (const prompt of wrong) {
      expect(refusal(() => completion({ prompt })).param).toStartWith("prompt");
    }
    expect(refusal(() => parseCompletionRequest({ model: "m" }, 7)).code).toBe(
      "missing_required_parameter",
    );
  });

  test("prompts times n have a limit", () => {
    const prompt = Array(128).fill("a");
    expect(completion({ prompt, n: 2 }).request.prompts).toHaveLength(128);
    expect(refusal(() => completion({ prompt, n: 3 })).param).toBe("n");
    expect(refusal(() => completion({ prompt: Array(257).fill("a") })).param).toBe("prompt");
  });
});

describe("stop strings", () => {
  test("up to 32 of up to 256 bytes", () => {
    const stop = Array(32).fill("é".repeat(128));
    expect(completion({ stop }).request.stop).toEqual(stop);
    expect(completion({ stop: "x" }).request.stop).toEqual(["x"]);
    expect(refusal(() => completion({ stop: [...stop, "x"] })).param).toBe("stop");
    expect(refusal(() => completion({ stop: `é${"x".repeat(255)}` })).param).toBe("stop");
    expect(refusal(() => completion({ stop: ["a", ""] })).param).toBe("stop[1]");
  });
});

describe("fields of single tokens", () => {
  const given = {
    ...{ prompt_logprobs: 2, logit_bias: { 7: -100, 8: 1.5 }, allowed_token_ids: [1, 2] },
    ...{ bad_words: ["no"], stop_token_ids: [3], include_stop_str_in_output: true },
    ...{ skip_special_tokens: false, return_token_ids: true },
  };
  const parsed = {
    ...{ promptLogprobs: 2, logitBias: { 7: -100, 8: 1.5 }, allowedTokenIds: [1, 2] },
    ...{ badWords: ["no"], stopTokenIds: [3], includeStop: true },
    ...{ showSpecialTokens: true, returnTokenIds: true },
  };

  test("are those of the request, in chats and completions", () => {
    expect(chat(given).request).toMatchObject(parsed);
    expect(completion(given).request).toMatchObject(parsed);
    expect(chat({ logprobs: true }).request.logprobs).toBe(0);
    expect(chat({ logprobs: true, top_logprobs: 20 }).request.logprobs).toBe(20);
    expect(completion({ logprobs: 5, echo: true, max_tokens: 0 }).request).toMatchObject({
      ...{ logprobs: 5, echo: true, maxTokens: 0 },
    });
  });

  test("leave no trace where they ask for nothing", () => {
    const nothing = {
      ...{ prompt_logprobs: false, logit_bias: {}, bad_words: [], stop_token_ids: [] },
      ...{ include_stop_str_in_output: false, skip_special_tokens: true, return_token_ids: false },
    };
    expect(completion({ ...nothing, logprobs: false }).request).toEqual(completion({}).request);
    expect(chat({ ...nothing, logprobs: false, top_logprobs: 0 }).request).toEqual(
      chat({}).request,
    );
  });

  test("have bounds", () => {
    const wrong = {
      ...{ prompt_logprobs: 21, allowed_token_ids: [], bad_words: [""], stop_token_ids: [-1] },
      ...{ logit_bias: { 1: 101 }, max_tokens: 0 },
    };
    for (const [field, value] of Object.entries(wrong)) {
      const error = refusal(() => completion({ [field]: value }));
      expect(error.param?.startsWith(field)).toBeTrue();
    }
    expect(refusal(() => completion({ logit_bias: { x: 1 } })).param).toBe("logit_bias");
    expect(refusal(() => completion({ logprobs: 21 })).param).toBe("logprobs");
    expect(refusal(() => chat({ top_logprobs: 1 })).param).toBe("top_logprobs");
  });
});

describe("fields of the prompt and of its place", () => {
  test("are those of the request", () => {
    const given = {
      ...{ cache_salt: "mine", priority: -3, truncate_prompt_tokens: 5, truncation_side: "right" },
      ...{ stream: true, stream_interval: 8 },
      stream_options: { include_usage: true, continuous_usage_stats: true },
    };
    const parsed = {
      ...{ cacheSalt: "mine", priority: -3, truncatePromptTokens: 5, truncationSide: "right" },
      ...{ streamInterval: 8, includeUsage: true, continuousUsage: true },
    };
    expect(chat(given).request).toMatchObject(parsed);
    expect(completion(given).request).toMatchObject(parsed);
    expect(chat(given).ignored).toEqual([]);
  });

  test("leave no trace where they ask for nothing", () => {
    const nothing = { priority: 0, stream_interval: 1, truncation_side: "left", strict: false };
    expect(completion({ ...nothing, add_special_tokens: true, best_of: 1 })).toEqual({
      ...completion(),
      format: expect.anything(),
    });
    const ofChat = { add_generation_prompt: true, continue_final_message: false };
    const { request } = chat({ ...nothing, ...ofChat, add_special_tokens: false });
    expect(request).toEqual(chat().request);
  });

  test("have bounds", () => {
    const wrong = {
      ...{ cache_salt: "", priority: 2 ** 31, truncate_prompt_tokens: -2, truncation_side: "up" },
      ...{ stream_interval: 0, best_of: 0, strict: "yes" },
    };
    for (const [field, value] of Object.entries({ ...wrong })) {
      expect(refusal(() => completion({ [field]: value }))).toMatchObject({ param: field });
    }
    const tooLong = refusal(() => completion({ cache_salt: "x".repeat(257) }));
    expect(tooLong.param).toBe("cache_salt");
    expect(refusal(() => chat({ truncate_prompt_tokens: 0 })).param).toBe("truncate_prompt_tokens");
  });

  test("usage in each chunk is for streams that end with it", () => {
    const options = { include_usage: false, continuous_usage_stats: true };
    const { request } = chat({ stream: true, stream_options: options });
    expect(request).not.toHaveProperty("continuousUsage");
  });

  test("a final message is continued where it is the assistant's, and no turn is begun", () => {
    const messages = [...MESSAGES, { role: "assistant", content: "Once" }];
    const continued = { messages, continue_final_message: true };
    expect(chat(continued).request.continueFinalMessage).toBe(true);
    expect(chat({ ...continued, add_generation_prompt: false }).request).toMatchObject({
      continueFinalMessage: true,
    });
    expect(chat({ add_generation_prompt: false }).request.addGenerationPrompt).toBe(false);
    for (const wrong of [
      { ...continued, add_generation_prompt: true },
      { ...continued, messages: MESSAGES },
    ]) {
      expect(refusal(() => chat(wrong)).param).toBe("continue_final_message");
    }
  });

  test("the best of several are chosen by log-probabilities, and not in a stream", () => {
    const { request, best } = completion({ best_of: 4, n: 2 });
    expect(request).toMatchObject({ n: 4, logprobs: 0 });
    expect(best).toEqual({ of: 4, keep: 2, tellsLogprobs: false });
    expect(completion({ best_of: 4, logprobs: 3 })).toMatchObject({
      request: { logprobs: 3 },
      best: { keep: 1, tellsLogprobs: true },
    });
    expect(completion({ best_of: 2, n: 2, stream: true })).not.toHaveProperty("best");
    for (const wrong of [
      { best_of: 2, n: 3 },
      { best_of: 2, stream: true },
    ]) {
      expect(refusal(() => completion(wrong)).param).toBe("best_of");
    }
    const prompt = Array(64).fill("a");
    expect(refusal(() => completion({ prompt, best_of: 5 })).param).toBe("n");
  });
});

describe("fields that are not for us", () => {
  test("unknown ones are reported, descriptive ones and nulls are not", () => {
    const { ignored } = chat({
      flavour: 1,
      user: "me",
      metadata: {},
      absent: null,
      stream: true,
      stream_options: { odd: 1 },
      messages: [{ role: "user", content: "x", mood: "good", refusal: null }],
    });
    expect(ignored).toEqual(["flavour", "stream_options.odd", "messages[].mood"]);
  });

  test("what would change the answer is refused by name", () => {
    const wishes = {
      tools: [{}],
      tool_choice: "required",
      ...{ mirostat: 1, dry_multiplier: 0.8, typical_p: 0.5, samplers: ["top_k"], think: true },
      ...{
        prediction: { type: "content" },
        prompt_embeds: "x",
        lora_path: "x",
        chat_template: "x",
      },
      top_logprobs: 3,
      suffix: "x",
    };
    for (const [field, value] of Object.entries(wishes)) {
      const error = refusal(() => completion({ [field]: value }));
      expect(error).toMatchObject({ status: 400, code: "unsupported_parameter", param: field });
    }
  });

  test("what asks for nothing is taken without a word", () => {
    const neutral = {
      tools: [],
      tool_choice: "auto",
      response_format: { type: "text" },
      logprobs: false,
      logit_bias: {},
      n: 3,
      best_of: 3,
      echo: false,
      suffix: "",
      skip_special_tokens: true,
      ...{ prompt_cache_key: "k", prompt_cache_retention: "24h", service_tier: "auto" },
      ...{ store: false, verbosity: "low", metadata: { a: "b" }, user: "me" },
      ...{ mirostat: 0, mirostat_tau: 5, mirostat_eta: 0.1, dry_multiplier: 0, dry_base: 1.75 },
      ...{ typical_p: 1, repeat_penalty: 1, repeat_last_n: 64, min_keep: 0 },
    };
    expect(completion(neutral).ignored).toEqual([]);
    expect(chat(neutral).ignored).toEqual([]);
  });

  test("what changes no answer and was asked for is named", () => {
    const { ignored } = completion({ store: true, moderation: { model: "m" } });
    expect(ignored).toEqual(["store", "moderation"]);
  });

  test("min_tokens above max_tokens and stream_options without a stream are refused", () => {
    expect(refusal(() => completion({ max_tokens: 16, min_tokens: 17 })).param).toBe("min_tokens");
    expect(refusal(() => chat({ stream_options: { include_usage: true } })).param).toBe(
      "stream_options",
    );
  });
});

describe("any body at all", () => {
  test("is parsed or refused with 400, and never changes an object's prototype", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (json) => {
        const error = refusal(() => parseChatRequest(JSON.parse(json), 7));
        expect(error.status).toBe(400);
      }),
    );
    completion(
      JSON.parse(`{"__proto__": {"polluted": 1}, "nvext": {"__proto__": {"polluted": 1}}}`),
    );
    expect("polluted" in {}).toBe(false);
  });

  test("a known field with a value of any kind is parsed or refused with its name", () => {
    const fields = ["model", "prompt", "stop", "stream", "stream_options", "nvext", "n", "seed"];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), (field, value) => {
        try {
          completion({ [field]: value });
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          expect(error).toMatchObject({ status: 400, param: expect.stringContaining(field) });
        }
      }),
    );
  });

  test("arrays nested 100000 deep in an unknown field do no harm", () => {
    const deep = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    expect(completion({ odd: deep }).ignored).toEqual(["odd"]);
    expect(refusal(() => completion({ prompt: deep })).param).toStartWith("prompt");
  });
});
