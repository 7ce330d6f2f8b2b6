import { describe, expect, test } from "bun:test";

import { errorCode } from "../../src/base/error.ts";
import { ModelError } from "../../src/model/model-files.ts";
import { ChatTemplateError } from "../../src/tokenizer/chat-template.ts";
import { BOS, byteLevelTokenizer, EOT, load } from "./synthetic-tokenizers.ts";

const TEMPLATE = `{{ bos_token }}{% for message in messages -%}
  {%- if message.role == "tool" %}{{ raise_exception("no tools here") }}{% endif -%}
  [{{ message.role }}]{{ message.content | trim }}{{ eos_token }}
{%- endfor %}{% if add_generation_prompt %}[assistant]{% endif %}`;

const conversation = [
  { role: "system", content: " be kind " },
  { role: "user", content: "hi" },
];
const rendered = `[system]be kind${EOT}[user]hi${EOT}[assistant]`;
const options = { maxTokens: 1000 };

function decoded(template: unknown, files: Readonly<Record<string, string>> = {}) {
  return load(byteLevelTokenizer({ chat_template: template }), files);
}

describe("a chat", () => {
  test("is written as the model's template says, opening token included, once", async () => {
    const tokenizer = await decoded(TEMPLATE);
    const ids = tokenizer.encodeChat(conversation, options);
    expect([...ids]).toEqual([...tokenizer.encode(`${BOS}${rendered}`, options)]);
    expect(ids.filter((id) => id === tokenizer.bosTokenId)).toHaveLength(1);
  });

  test("gets no opening token that its template does not write", async () => {
    const tokenizer = await decoded("{{ messages[0].content }}");
    expect([...tokenizer.encodeChat(conversation, options)]).not.toContain(tokenizer.bosTokenId);
  });

  test("without a template is its texts joined by newlines", async () => {
    const tokenizer = await load(byteLevelTokenizer());
    const ids = tokenizer.encodeChat(conversation, options);
    expect([...ids]).toEqual([...tokenizer.encode(" be kind \nhi", options)]);
  });

  test("that the template refuses is the client's mistake", async () => {
    const tokenizer = await decoded(TEMPLATE);
    const render = () => tokenizer.encodeChat([{ role: "tool", content: "" }], options);
    expect(render).toThrow(ChatTemplateError);
    expect(render).toThrow("no tools here");
    try {
      render();
    } catch (error) {
      expect(errorCode(error)).toBe("invalid_request");
      expect(error).toMatchObject({ details: { param: "messages" } });
    }
  });

  test("is data, never template", async () => {
    const tokenizer = await decoded("{{ messages[0].content }}");
    const ids = tokenizer.encodeChat([{ role: "user", content: "{{ 1 + 1 }}" }], options);
    expect(tokenizer.decode(ids)).toBe("{{ 1 + 1 }}");
  });

  test("too long for the context is refused", async () => {
    const tokenizer = await decoded(TEMPLATE);
    expect(() => tokenizer.encodeChat(conversation, { maxTokens: 5 })).toThrow("context holds 5");
  });
});

describe("a chat whose last message is continued", () => {
  const turns = (content: string) => [...conversation, { role: "assistant", content }];
  const begin = `${BOS}[system]be kind${EOT}[user]hi${EOT}[assistant]`;
  const kept = TEMPLATE.replace(" | trim", "").replace("be kind", " be kind ");
  const ends = { ...options, end: "continued" } as const;

  test("ends where the message ends, and begins no other turn", async () => {
    const tokenizer = await decoded(TEMPLATE);
    for (const content of ["Once upon", "a", "assistant]", "<é>", "[", "the the", ""]) {
      const ids = tokenizer.encodeChat(turns(content), ends);
      expect([...ids]).toEqual([...tokenizer.encode(`${begin}${content}`, options)]);
    }
  });

  test("keeps the blank at its end where the template does", async () => {
    const trimmed = await decoded(TEMPLATE);
    const text = "Once upon ";
    expect([...trimmed.encodeChat(turns(text), ends)]).toEqual([
      ...trimmed.encode(`${begin}Once upon`, options),
    ]);
    const keeping = await decoded(kept);
    const head = `${BOS}[system] be kind ${EOT}[user]hi${EOT}[assistant]`;
    expect([...keeping.encodeChat(turns(text), ends)]).toEqual([
      ...keeping.encode(head + text, options),
    ]);
  });

  test("brings in no special token", async () => {
    const tokenizer = await decoded(TEMPLATE);
    const ids = [...tokenizer.encodeChat(turns(`so ${EOT}`), ends)];
    expect(ids.filter((id) => id === tokenizer.eosTokenId)).toHaveLength(2);
  });

  test("is refused where the template leaves the message out", async () => {
    const tokenizer = await decoded("{{ messages[0].content }}");
    expect(() => tokenizer.encodeChat(turns("Once"), ends)).toThrow("cannot be continued");
  });

  test("without a template ends as ever, and a closed one begins no turn", async () => {
    const joined = await load(byteLevelTokenizer());
    expect(joined.encodeChat(turns("a"), ends)).toEqual(joined.encodeChat(turns("a"), options));
    const tokenizer = await decoded(TEMPLATE);
    const closed = tokenizer.encodeChat(conversation, { ...options, end: "closed" });
    const text = `${BOS}[system]be kind${EOT}[user]hi${EOT}`;
    expect([...closed]).toEqual([...tokenizer.encode(text, options)]);
  });
});

describe("the template", () => {
  const text = async (template: unknown, files = {}) => {
    const tokenizer = await decoded(template, files);
    return tokenizer.decode(tokenizer.encodeChat(conversation, options));
  };

  test("may be the default of a named list", async () => {
    const named = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "plain" },
    ];
    expect(await text(named)).toBe("plain");
    await expect(text(named.slice(0, 1))).rejects.toThrow('no template named "default"');
  });

  test("is the one in chat_template.jinja where there is such a file", async () => {
    expect(await text("config", { "chat_template.jinja": "file" })).toBe("file");
  });

  test("that cannot be parsed is the model's mistake, found at the start", async () => {
    await expect(text("{% if %}")).rejects.toThrow(ModelError);
    await expect(text("{% for x in %}")).rejects.toThrow("chat_template is not a valid template");
  });

  test("does not see what it was not given", async () => {
    const probe =
      "{{ tools is none }}{{ documents is none }}{{ messages[0].constructor is defined }}";
    expect(await text(probe)).toBe("truetruefalse"); // transformers gives it None
  });
});
