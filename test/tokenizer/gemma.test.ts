// Gemma's kind of tokenizer, SentencePiece without a space in front of the text, from both formats; and Gemma 3's
// chat template, which folds a system message into the first turn.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { ggufFile } from "../model/gguf-writer.ts";
import { withDirectory } from "../model/model-directory.ts";
import { ggufTokenizer } from "./gguf-tokenizer-writer.ts";
import {
  type JsonFields,
  load,
  SPM_SPECIAL,
  spmTokenizer,
  type TokenizerSource,
} from "./synthetic-tokenizers.ts";
import { Tokenizer } from "./whole-tokenizer.ts";

/** As of the hub's gemma-3 models. */
const TEMPLATE = `{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\n'}}
{%- endif -%}`;

const TURN_TOKENS = ["<start_of_turn>", "<end_of_turn>"];

function gemmaTokenizer(): TokenizerSource {
  const { tokenizer, config } = spmTokenizer({ chat_template: TEMPLATE });
  const model = tokenizer["model"] as JsonFields;
  const numTokens = Object.keys(model["vocab"] as JsonFields).length;
  const turns = TURN_TOKENS.map((content, index) => ({
    ...{ id: numTokens + index, content, special: true, normalized: false },
  }));
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    tokenizer: {
      ...tokenizer,
      added_tokens: [...(tokenizer["added_tokens"] as readonly JsonFields[]), ...turns],
      normalizer: spaces,
      pre_tokenizer: {
        ...{ type: "Split", pattern: { String: " " }, invert: false },
        behavior: "MergedWithPrevious",
      },
      decoder: {
        type: "Sequence",
        decoders: [
          { ...spaces, pattern: { String: "▁" }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
        ],
      },
    },
    config,
  };
}

/** Both formats of it. */
async function both(): Promise<readonly [Tokenizer, Tokenizer]> {
  const source = gemmaTokenizer();
  const metadata = { ...ggufTokenizer(source), "tokenizer.ggml.add_space_prefix": false };
  const files = { "m.gguf": ggufFile(metadata, {}) };
  const open = (directory: string) => Tokenizer.load(join(directory, "m.gguf"));
  return [await load(source), await withDirectory(files, open)];
}

const options = { maxTokens: 1000 };

test("a text begins with its opening token and without a space", async () => {
  for (const tokenizer of await both()) {
    const ids = tokenizer.encode("the the  é", options);
    const the = [..."the"].map((letter) => tokenizer.encode(letter, options)[1] as number);
    const [, spaceThe] = tokenizer.encode(" the", options);
    const [, twoSpaces] = tokenizer.encode("  ", options);
    const bytes = [..."é"].flatMap((letter) => [...Buffer.from(letter)].map((byte) => 3 + byte));
    expect([...ids]).toEqual([1, ...the, spaceThe as number, twoSpaces as number, ...bytes]);
    expect(tokenizer.decode(ids.subarray(1))).toBe("the the  é");
    expect(tokenizer.decode(tokenizer.encode(" a", options).subarray(1))).toBe(" a");
  }
});

test("a system message opens the first turn, and turns are the model's and the user's", async () => {
  const conversation = [
    { role: "system", content: "be kind" },
    { role: "user", content: " hi " },
    { role: "assistant", content: "hello" },
    { role: "user", content: "bye" },
  ];
  const rendered =
    "<start_of_turn>user\nbe kind\n\nhi<end_of_turn>\n<start_of_turn>model\nhello<end_of_turn>\n" +
    "<start_of_turn>user\nbye<end_of_turn>\n<start_of_turn>model\n";
  for (const tokenizer of await both()) {
    const ids = tokenizer.encodeChat(conversation, options);
    expect([...ids]).toEqual([...tokenizer.encode(rendered, options)]);
    expect(ids.filter((id) => id === SPM_SPECIAL.indexOf("<s>"))).toHaveLength(1);
    expect(() => tokenizer.encodeChat(conversation.toSpliced(1, 1), options)).toThrow(
      "Conversation roles must alternate",
    );
  }
});
