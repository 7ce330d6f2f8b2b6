// Tools of a chat, and what a client says of thoughts.

import { describe, expect, test } from "bun:test";

import { ApiError } from "../../src/door/api-error.ts";
import { parseChatRequest } from "../../src/openai/schema.ts";

const messages = [{ role: "user", content: "hi" }];
const chat = (extra: object) => parseChatRequest({ model: "m", messages, ...extra }, 7);

function refusal(extra: object): ApiError {
  try {
    chat(extra);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("should have been refused");
}

/** A schema with what agents' tools have. */
const parameters = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: {
    path: { type: "string", pattern: "^/", format: "uri", default: "/" },
    count: { type: "integer", exclusiveMinimum: 0 },
    mode: { anyOf: [{ const: "r" }, { const: "w" }] },
    more: { type: "object", propertyNames: { pattern: "^[a-z]+$" }, additionalProperties: {} },
    ...Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`field_${i}`, { type: "string" }]),
    ),
  },
  required: ["path"],
};
const tool = { type: "function", function: { name: "read", description: "Reads.", parameters } };

describe("tools", () => {
  test("a function's schema is passed on as it came", () => {
    const { request, ignored } = chat({ tools: [tool], tool_choice: "auto" });
    expect(request.tools).toEqual([{ name: "read", description: "Reads.", parameters }]);
    expect(request).toMatchObject({ toolChoice: "auto", parallelToolCalls: true });
    expect(ignored).toEqual([]);
  });

  test("none and parallel_tool_calls: false are passed on", () => {
    const { request } = chat({ tools: [tool], tool_choice: "none", parallel_tool_calls: false });
    expect(request).toMatchObject({ toolChoice: "none", parallelToolCalls: false });
    expect(request.tools).toHaveLength(1);
  });

  test("strict: false and null are as absent", () => {
    const loose = [false, null].map((strict) => ({
      type: "function",
      function: { name: "f", strict },
    }));
    expect(chat({ tools: loose }).request.tools).toHaveLength(2);
  });

  test("a call may be forced, of any tool or of one, and held to a schema as it was written", () => {
    const schema = JSON.stringify(tool.function.parameters);
    const named = { type: "function", function: { name: "read" } };
    const allowed = { type: "allowed_tools", allowed_tools: { mode: "required", tools: [named] } };
    const other = { type: "function", function: { name: "other" } };
    const strict = { type: "function", function: { ...tool.function, strict: true } };
    expect(chat({ tools: [tool], tool_choice: "required" }).request).toMatchObject({
      ...{ toolChoice: "required", tools: [{ name: "read", schema }] },
    });
    expect(chat({ tools: [tool], tool_choice: named }).request.toolChoice).toEqual({
      name: "read",
    });
    expect(chat({ tools: [other, tool], tool_choice: allowed }).request).toMatchObject({
      ...{ toolChoice: "required", tools: [{ name: "read" }] },
    });
    expect(chat({ functions: [tool.function], function_call: { name: "read" } }).request).toEqual(
      expect.objectContaining({ toolChoice: { name: "read" } }),
    );
    expect(chat({ tools: [strict] }).request.tools).toMatchObject([
      { schema, strict: true, field: "tools[0].function.parameters" },
    ]);
  });

  test("a call of a tool that is not there cannot be forced", () => {
    const named = { type: "function", function: { name: "write" } };
    for (const [extra, param] of [
      [{ tool_choice: "required" }, "tool_choice"],
      [{ tools: [], tool_choice: "required" }, "tool_choice"],
      [{ tools: [tool], tool_choice: named }, "tool_choice"],
      [{ tools: [tool], tool_choice: { type: "other" } }, "tool_choice.type"],
      [{ tools: [tool], tool_choice: { type: "function" } }, "tool_choice.function"],
      [{ functions: [tool.function], function_call: { name: "write" } }, "function_call"],
    ] as const) {
      expect(refusal(extra)).toMatchObject({ status: 400, param });
    }
  });

  test("other kinds of tools are passed over and named", () => {
    const others = [{ type: "web_search" }, { type: "custom", custom: { name: "patch" } }];
    const { request, ignored } = chat({ tools: [...others, tool] });
    expect(request.tools.map(({ name }) => name)).toEqual(["read"]);
    expect(ignored).toEqual(["tools[].web_search", "tools[].custom"]);
  });

  test("what is wrong with a tool is named by its path", () => {
    const bad = (fields: object) => refusal({ tools: [tool, fields] }).param;
    expect(bad({})).toBe("tools[1].type");
    expect(bad({ type: "function" })).toBe("tools[1].function");
    expect(bad({ type: "function", function: {} })).toBe("tools[1].function.name");
    expect(bad({ type: "function", function: { name: "" } })).toBe("tools[1].function.name");
    expect(bad({ type: "function", function: { name: "f", parameters: [] } })).toBe(
      "tools[1].function.parameters",
    );
    expect(refusal({ tools: ["x"] }).param).toBe("tools[0]");
    expect(refusal({ tools: Array(1025).fill(tool) }).param).toBe("tools");
  });

  test("functions are the same under their older name, one call at a time", () => {
    const { request } = chat({ functions: [tool.function], function_call: "auto" });
    expect(request.tools).toEqual([{ name: "read", description: "Reads.", parameters }]);
    expect(request.parallelToolCalls).toBe(false);
  });
});

describe("thinking", () => {
  const variables = (extra: object) => chat(extra).request.templateVariables;

  test("an effort is on or off, and has its name for templates that know it", () => {
    expect(variables({})).toEqual({});
    expect(variables({ reasoning_effort: "none" })).toEqual({
      ...{ reasoning_effort: "none", enable_thinking: false, thinking: false },
    });
    for (const effort of ["minimal", "low", "medium", "high", "xhigh"]) {
      expect(variables({ reasoning_effort: effort })).toMatchObject({ enable_thinking: true });
    }
    expect(refusal({ reasoning_effort: "huge" }).param).toBe("reasoning_effort");
  });

  test("the closer word wins", () => {
    const given = { reasoning_effort: "high", enable_thinking: false };
    expect(variables(given)).toMatchObject({ enable_thinking: false });
    const all = { ...given, chat_template_kwargs: { enable_thinking: true, locale: "de" } };
    expect(variables(all)).toMatchObject({ enable_thinking: true, locale: "de" });
  });

  test("what the server sets itself is not the client's to set", () => {
    for (const name of ["messages", "tools", "add_generation_prompt", "bos_token"]) {
      const error = refusal({ chat_template_kwargs: { [name]: 1 } });
      expect(error).toMatchObject({ status: 400, param: `chat_template_kwargs.${name}` });
    }
  });
});
