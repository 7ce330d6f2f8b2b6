import { describe, expect, test } from "bun:test";

import { jsonOf, parsedBody } from "../../src/door/json-body.ts";
import { keepRawTexts, rawJson } from "../../src/door/raw-json.ts";

type Json = Record<string, never>;

const bodyOf = (text: string) => jsonOf(Buffer.from(text)) as Json;

describe("an object of a body as text", () => {
  test("is what was written, where keys look like integers or numbers are long", () => {
    for (const schema of [
      '{"properties": {"10": {}, "9": {}, "a": {}}}',
      '{"maximum": 9223372036854775807}',
      '{"a": [{"b": {"0": "\\"x\\\\", "minimum": -1e400}}]}',
    ]) {
      const body = bodyOf(
        `{"x": "\\\\", "tools": [{"function": {"parameters": {}}}, {"function": {"parameters": ${schema} }}]}`,
      ) as unknown as { tools: { function: { parameters: object } }[] };
      expect(rawJson(body.tools[1]?.function.parameters ?? {})).toBe(schema);
      expect(rawJson(body.tools[0]?.function.parameters ?? {})).toBe("{}");
    }
  });

  test("is JSON.stringify's elsewhere, and for what another thread has parsed the same", () => {
    const text = '{"guided_json": {"properties": {"2": true, "1": true}, "__proto__": {"a": 1.0}}}';
    expect(rawJson(bodyOf('{"guided_json": {"b": 1.50, "a": 2}}')["guided_json"] ?? {})).toBe(
      '{"b":1.5,"a":2}',
    );
    const { value, raw } = structuredClone(parsedBody(Buffer.from(text)));
    keepRawTexts(value, raw);
    expect(rawJson((value as Json)["guided_json"] ?? {})).toBe(text.slice(16, -1));
  });

  test("is that of the last value of a key that stands twice", () => {
    const body = bodyOf('{"a": {"1": 2}, "a": {"b": 3}}');
    expect(rawJson(body["a"] ?? {})).toBe('{"b":3}');
  });

  test("is not kept of messages, which may be long and are no schema", () => {
    const { raw } = parsedBody(
      Buffer.from('{"messages": [{"content": {"1": 2}}], "a": {"b": {}}}'),
    );
    expect(raw).toEqual([]);
  });
});
