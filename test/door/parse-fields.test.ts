// The reader of a body's fields, against the schema of the whole object.

import { expect, test } from "bun:test";
import fc from "fast-check";
import * as v from "valibot";

import { ApiError } from "../../src/door/api-error.ts";
import { fieldsReader } from "../../src/door/parse-fields.ts";

const entries = {
  text: v.string("must be a string"),
  count: v.optional(v.pipe(v.number("must be a number"), v.minValue(0, "must be from 0")), 7),
  list: v.optional(v.array(v.string("must be a list of strings"), "must be a list of strings"), []),
  flag: v.optional(v.boolean("must be true or false")),
  inner: v.optional(
    v.object({ deep: v.nullish(v.boolean("must be true or false"), false) }, "must be an object"),
  ),
};
const whole = v.object(entries);
const read = fieldsReader(entries);

const value = fc.oneof(
  ...[fc.string(), fc.integer({ min: -2, max: 2 }), fc.boolean()],
  ...[
    fc.array(fc.oneof(fc.string(), fc.integer())),
    fc.record({ deep: fc.oneof(fc.boolean(), fc.string()) }),
  ],
);
const names = fc.constantFrom(
  ...Object.keys(entries),
  "other",
  "__proto__",
  "constructor",
  "toString",
);

test("reads what the schema reads, and refuses what it refuses, by the field's name", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(names, value)), (pairs) => {
      const given = JSON.parse(
        `{${pairs.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join()}}`,
      );
      const wanted = v.safeParse(whole, given);
      try {
        const fields = read(given);
        expect(wanted.success).toBe(true);
        expect(fields).toEqual(wanted.output as typeof fields);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        expect(wanted.success).toBe(false);
        const paths = wanted.issues?.map((issue) => v.getDotPath(issue)?.split(".")[0]);
        expect(paths).toContain(error.param?.split(/[.[]/)[0]);
      }
    }),
    { numRuns: 500 },
  );
});

test("names what is missing, and where a nested value is wrong", () => {
  expect(() => read({})).toThrow("'text' is required");
  expect(() => read({ text: "", inner: { deep: 1 } })).toThrow(
    "'inner.deep' must be true or false",
  );
  expect(() => read({ text: "", list: ["a", 1] })).toThrow("'list[1]' must be a list of strings");
});
