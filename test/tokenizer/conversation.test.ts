// Inputs of a template, against what transformers' apply_chat_template gives it.

import { describe, expect, test } from "bun:test";

import { ChatTemplate } from "../../src/tokenizer/chat-template.ts";
import type { Conversation } from "../../src/tokenizer/conversation.ts";
import { byteLevelTokenizer, load } from "./synthetic-tokenizers.ts";

async function render(text: string, conversation: Conversation, toolUse?: string): Promise<string> {
  const source = { place: "t", text, toolUse, bosToken: "<s>", eosToken: "</s>" };
  const template = await ChatTemplate.parse(source, []);
  return template.render(conversation, { maxTokens: 9999, maxTokenBytes: 100 }).text;
}

const user = { role: "user", content: "hi" };
const call = { id: "call_1", name: "f", arguments: '{"b": 1, "a": ["x"]}' };
const turnOf = (...calls: readonly (typeof call)[]) => ({
  role: "assistant",
  content: "",
  toolCalls: calls,
});
const tools = [
  { name: "f", description: "Does it.", parameters: { type: "object", properties: {} } },
  { name: "g", description: undefined, parameters: undefined },
];

describe("a template is given", () => {
  test("tools in OpenAI's shape, as the client sent them", async () => {
    const text = await render("{% for t in tools %}{{ t | tojson }};{% endfor %}", {
      messages: [user],
      tools,
    });
    expect(text).toBe(
      '{"type": "function", "function": {"name": "f", "description": "Does it.", "parameters": ' +
        '{"type": "object", "properties": {}}}};{"type": "function", "function": {"name": "g"}};',
    );
  });

  test("calls with their arguments as a mapping, ids, and the calls that results answer", async () => {
    const messages = [turnOf(call), { role: "tool", content: "18", toolCallId: "call_1" }];
    const text = await render(
      "{{ messages[0].tool_calls[0] | tojson }}{{ messages[0].tool_calls[0].function.arguments is mapping }}" +
        "{{ messages[1].tool_call_id }}{{ messages[1].content }}{{ messages[1].tool_calls is defined }}",
      { messages },
    );
    expect(text).toBe(
      '{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": ["x"]}}}' +
        "Truecall_118False",
    );
  });

  // As gpt-oss' template, which writes the first call of a turn, and refuses thoughts beside content there.
  test("one call a turn, with all that was said beside it as thoughts, where it takes no more", async () => {
    const other = { ...call, id: "call_2", name: "g" };
    const result = (toolCallId: string) => ({ role: "tool", content: toolCallId, toolCallId });
    const messages = [
      user,
      { ...turnOf(call, other), content: "I look.", reasoning: "Hm." },
      ...[result("call_2"), result("call_1"), result("lost"), user],
      { role: "assistant", content: "Fine.", reasoning: "Oh." },
    ];
    const text = await render(
      "{% for m in messages %}{% set message = m %}[{{ m.role }}|{{ m.content }}|{{ message.thinking }}|" +
        "{% if m.tool_calls %}{{ m.tool_calls[0].function.name }}{% endif %}]{% endfor %}",
      { messages },
    );
    expect(text).toBe(
      "[user|hi||][assistant||Hm.\nI look.|f][tool|call_1||][assistant|||g][tool|call_2||][tool|lost||]" +
        "[user|hi||][assistant|Fine.|Oh.|]",
    );
  });

  test("arguments that are no mapping as they are, and none as an empty one", async () => {
    const texts = [
      "",
      " ",
      "{bad",
      "[1]",
      '"s"',
      "null",
      `${'{"a":'.repeat(70)}1${"}".repeat(70)}`,
    ];
    const messages = [turnOf(...texts.map((text) => ({ ...call, arguments: text })))];
    const text = await render(
      "{% for c in messages[0].tool_calls %}{% if c.function.arguments is string %}{{ c.function.arguments }}" +
        "{% else %}{{ c.function.arguments | tojson }}{% endif %};{% endfor %}",
      { messages },
    );
    expect(text).toBe(["{}", "{}", ...texts.slice(2), ""].join(";"));
  });

  test("arguments as text where it joins them to its own without a look", async () => {
    const messages = [turnOf(call)];
    const joins =
      "{% for c in messages[0]['tool_calls'] %}{{ '(' + c['function']['arguments'] + ')' }}{% endfor %}";
    expect(await render(joins, { messages })).toBe(`(${call.arguments})`);
    const looks =
      "{% set a = messages[0].tool_calls[0].function.arguments %}{% if messages[0].tool_calls[0].function.arguments is string %}{{ '(' + arguments + ')' }}{% else %}{{ a | tojson }}{% endif %}";
    expect(await render(looks, { messages })).toBe(call.arguments);
  });

  test("the tool's name with a result whose client does not say it", async () => {
    const results = ["call_1", "call_2"].map((toolCallId) => ({
      role: "tool",
      content: "18",
      toolCallId,
    }));
    const named = { role: "tool", content: "18", toolCallId: "call_1", name: "g" };
    const messages = [turnOf(call), ...results, named];
    const text = await render(
      "{% for m in messages[1:] %}{% if m.name is defined %}{{ m.name }}{% endif %};{% endfor %}",
      { messages },
    );
    expect(text).toBe("f;;g;");
  });

  test("no content for a turn of calls where it asks for none, else an empty one", async () => {
    const messages = [turnOf(call)];
    expect(
      await render("{% if messages[0]['content'] is none %}none{% endif %}", { messages }),
    ).toBe("none");
    expect(await render("{{ messages[0].content is string }}", { messages })).toBe("True");
    const plain = [{ role: "assistant", content: "" }];
    expect(await render("{{ messages[0].content is none }}", { messages: plain })).toBe("False");
  });

  test("thoughts by both of their names, and none that there are not", async () => {
    const messages = [{ role: "assistant", content: "a", reasoning: "hm" }, user];
    expect(
      await render(
        "{{ messages[0].reasoning }}{{ messages[0].reasoning_content }}{{ messages[1].reasoning is defined }}" +
          "{{ messages[1].reasoning_content is defined }}{{ messages[1].name is defined }}",
        { messages },
      ),
    ).toBe("hmhmFalseFalseFalse");
  });

  test("further variables, which replace nothing of its own", async () => {
    const variables = {
      enable_thinking: false,
      effort: "high",
      messages: [],
      tools: 1,
      bos_token: "x",
    };
    expect(
      await render(
        "{{ enable_thinking is false }}{{ effort }}{{ messages | length }}{{ tools is none }}{{ bos_token }}" +
          "{{ documents is none }}{{ other is defined }}",
        { messages: [user], variables },
      ),
    ).toBe("Truehigh1True<s>TrueFalse");
  });

  test("a conversation with tools if it is the one for them", async () => {
    const conversation = { messages: [user], tools };
    expect(await render("plain", conversation, "tools")).toBe("tools");
    expect(await render("plain", { messages: [user] }, "tools")).toBe("plain");
  });
});

test("a list of templates has one for conversations with tools", async () => {
  const chat_template = [
    { name: "default", template: "plain" },
    { name: "tool_use", template: "tools" },
  ];
  const tokenizer = await load(byteLevelTokenizer({ chat_template }));
  const limit = { maxTokens: 100 };
  expect(tokenizer.decode(tokenizer.encodeChat([user], limit))).toBe("plain");
  expect(tokenizer.decode(tokenizer.encodeChat([user], { ...limit, tools }))).toBe("tools");
});
