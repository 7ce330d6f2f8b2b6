// The table of sampling parameters: each row reaches all that are made of the rows.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { samplingOf } from "../../src/components/processor/sampling.ts";
import { chatRequest } from "../../src/components/requests.ts";
import { Fields } from "../../src/door/fields.ts";
import { readOptions } from "../../src/ollama/options.ts";
import { CHAT_FIELDS, COMPLETION_FIELDS } from "../../src/openai/fields.ts";
import { parseCompletionRequest } from "../../src/openai/schema.ts";
import { MODEL_PARAMETERS, SAMPLING_ROWS } from "../../src/sampling/options.ts";
import type { SamplingName } from "../../src/sampling/parameters.ts";

/** A value of each parameter that is not its default, on the wire. */
const GIVEN: Record<SamplingName, unknown> = {
  ...{ temperature: 0.25, topP: 0.5, topK: 7, minP: 0.125, presencePenalty: 1 },
  ...{ frequencyPenalty: -1, repetitionPenalty: 1.5, logitBias: { 3: -5 }, allowedTokenIds: [3] },
};
const LARGEST = { temperature: 2, presencePenalty: 2, frequencyPenalty: 2, repetitionPenalty: 2 };

const prompt = "hi";
const parse = (body: object) => parseCompletionRequest({ prompt, ...body }, 0).request;

describe("each row", () => {
  for (const [name, row] of SAMPLING_ROWS) {
    test(`${name}: is a field of both routes, from the wire to the engine`, () => {
      expect(CHAT_FIELDS).toHaveProperty(row.field);
      expect(COMPLETION_FIELDS).toHaveProperty(row.field);
      const request = parse({ [row.field]: GIVEN[name] });
      expect(request[name]).toEqual(GIVEN[name] as never);
      const given = row.toOption ? row.toOption(GIVEN[name] as never) : GIVEN[name];
      expect(samplingOf(request, {}, 1n)[name]).toEqual(given as never);
    });

    test(`${name}: is a field of a service's requests`, () => {
      const messages = [{ role: "user", content: "hi" }] as const;
      expect(chatRequest({ messages, [name]: GIVEN[name] })[name]).toEqual(GIVEN[name] as never);
    });

    test(`${name}: has its value where no one says`, () => {
      expect(samplingOf(parse({}), {}, 1n)[name]).toEqual(row.unset as never);
    });
  }

  test("without a value leaves the options without it", () => {
    expect(Object.keys(samplingOf(parse({}), {}, 1n)).toSorted()).toEqual(
      [...SAMPLING_ROWS.flatMap(([name, { unset }]) => (unset === undefined ? [] : name)), "seed"]
        .flat()
        .toSorted(),
    );
  });
});

describe("a model's default", () => {
  for (const { name, field } of MODEL_PARAMETERS) {
    test(`${name}: goes before the server's, and the request before both`, () => {
      const defaults = { [name]: 0.75 };
      expect(samplingOf(parse({}), defaults, 1n)[name]).toBe(0.75);
      const asked = parse({ [field]: GIVEN[name] });
      expect(samplingOf(asked, defaults, 1n)[name]).toBe(GIVEN[name] as number);
    });
  }
});

describe("ollama's options", () => {
  const rows = SAMPLING_ROWS.filter(([, { ollama }]) => ollama !== undefined);
  const read = (options: object) => readOptions(Fields.ofBody({ options }));

  test("are the rows that have a name there, and the document lists them", () => {
    const document = readFileSync(join(import.meta.dir, "../../docs/ollama.md"), "utf8");
    for (const [name, { ollama = "" }] of rows) {
      expect(read({ [ollama]: GIVEN[name] })).toMatchObject({ [name]: GIVEN[name] });
      expect(document).toContain(`\`${ollama}\``);
    }
    expect(rows.length).toBeGreaterThan(5);
  });

  test("have the bounds of the wire, and errors name the option", () => {
    for (const [name, largest] of Object.entries(LARGEST)) {
      const [, { ollama = "" } = { ollama: "" }] = rows.find(([each]) => each === name) ?? [];
      expect(read({ [ollama]: largest })).toMatchObject({ [name]: largest });
      expect(() => read({ [ollama]: largest + 1 })).toThrow(`'options.${ollama}' must be`);
    }
  });
});
