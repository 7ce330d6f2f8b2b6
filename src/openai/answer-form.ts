// Fields that ask for an answer of one form: OpenAI's `response_format`, vLLM's `structured_outputs` and the older
// `guided_*`, and the fields of llama.cpp, SGLang and ollama that mean the same.

import * as v from "valibot";

import { inField, jsonObjectForm, schemaForm } from "../door/answer-form.ts";
import { invalidRequest } from "../door/api-error.ts";
import { empty, harmless, later, schemasOf, works } from "../door/field-policy.ts";
import type { GrammarSource, JsonLayout, Whitespace } from "../protocol/grammar.ts";
import { anyObject, flag, text } from "./values.ts";

const schema = () => v.union([text(), anyObject()], "must be a JSON schema");
const texts = () => v.array(v.string("must be a list of strings"), "must be a list of strings");

const responseFormat = v.variant(
  "type",
  [
    v.object({ type: v.literal("text") }),
    v.object({ type: v.literal("json_object"), schema: v.nullish(anyObject()) }),
    v.object({
      type: v.literal("json_schema"),
      json_schema: v.object(
        { schema: v.nullish(anyObject()), strict: v.nullish(flag) },
        "must be an object with a schema",
      ),
    }),
  ],
  'must be of the type "text", "json_object" or "json_schema"',
);

/** Fields of `structured_outputs`. */
export const OUTPUT_FIELDS = {
  json: works("vllm", v.nullish(schema())),
  regex: works("vllm", v.nullish(text())),
  choice: works("vllm", v.nullish(texts())),
  grammar: works("vllm", v.nullish(text())),
  json_object: works("vllm", v.nullish(flag)),
  whitespace_pattern: works("vllm", v.nullish(text())),
  disable_any_whitespace: works("vllm", v.nullish(flag)),
  disable_additional_properties: harmless("vllm"), // they are refused unless a schema allows them
  disable_fallback: harmless("vllm"),
  structural_tag: later("vllm", empty),
  backend: harmless("vllm"),
};

/** Rows of the table of fields. */
export const FORM_FIELDS = {
  response_format: works("both", v.optional(responseFormat)),
  structured_outputs: works(
    "vllm",
    v.optional(v.object(schemasOf(OUTPUT_FIELDS), "must be an object")),
  ),
  guided_json: works("vllm", v.optional(schema())),
  guided_regex: works("vllm", v.optional(text())),
  guided_choice: works("vllm", v.optional(texts())),
  guided_grammar: works("vllm", v.optional(text())),
  guided_json_object: works("vllm", v.optional(flag)),
  guided_whitespace_pattern: works("vllm", v.optional(text())),
  regex: works("others", v.optional(text())),
  ebnf: works("others", v.optional(text())),
  grammar: works("others", v.optional(text())),
  json_schema: works("others", v.optional(schema())),
  format: works("others", v.optional(schema())),
};

/** Those of `nvext`. */
export const NVEXT_FORM_FIELDS = {
  guided_json: works("dynamo", v.nullish(schema())),
  guided_regex: works("dynamo", v.nullish(text())),
  guided_choice: works("dynamo", v.nullish(texts())),
  guided_grammar: works("dynamo", v.nullish(text())),
  guided_whitespace_pattern: works("dynamo", v.nullish(text())),
};

type Rows<Table> = {
  readonly [Name in keyof Table]?: Table[Name] extends {
    readonly schema: infer Schema extends v.GenericSchema;
  }
    ? v.InferOutput<Schema>
    : never;
};

type FormFields = Rows<typeof FORM_FIELDS>;
type GuidedFields = Rows<typeof NVEXT_FORM_FIELDS> & Pick<FormFields, "guided_json_object">;

/** The form that the fields ask for, if any. Throws where two of them ask. */
export function readForm(
  fields: FormFields & { readonly nvext?: Rows<typeof NVEXT_FORM_FIELDS> | undefined },
): GrammarSource | undefined {
  const forms = [
    ...ofResponseFormat(fields.response_format),
    ...ofStructuredOutputs(fields.structured_outputs),
    ...ofGuided(fields, ""),
    ...ofGuided(fields.nvext ?? {}, "nvext."),
    ...ofOthers(fields),
  ];
  const [first, second] = forms;
  if (second === undefined) return first?.form;
  const message = `'${second.field}' and '${first?.field}' ask for two forms of one answer; leave one of them out.`;
  throw invalidRequest("invalid_value", message, second.field);
}

interface AskedForm {
  readonly field: string;
  readonly form: GrammarSource;
}

function ofResponseFormat(format: FormFields["response_format"]): readonly AskedForm[] {
  if (format === undefined || format.type === "text") return [];
  const isPlain = format.type === "json_object";
  const field = isPlain ? "response_format.schema" : "response_format.json_schema.schema";
  const given = isPlain ? format.schema : format.json_schema.schema;
  return [{ field: "response_format", form: given ? schemaForm(given, field) : jsonObjectForm() }];
}

function ofStructuredOutputs(given: FormFields["structured_outputs"]): readonly AskedForm[] {
  if (given === undefined) return [];
  const layout = layoutOf(
    given.disable_any_whitespace ? "compact" : undefined,
    given.whitespace_pattern,
  );
  return formsOf(given, (name) => `structured_outputs.${name}`, layout);
}

function ofGuided(fields: GuidedFields, at: string): readonly AskedForm[] {
  const named = {
    json: fields.guided_json,
    regex: fields.guided_regex,
    choice: fields.guided_choice,
    grammar: fields.guided_grammar,
    json_object: fields.guided_json_object,
  };
  const layout = layoutOf(undefined, fields.guided_whitespace_pattern);
  return formsOf(named, (name) => `${at}guided_${name}`, layout);
}

function ofOthers({ regex, ebnf, grammar, json_schema, format }: FormFields): readonly AskedForm[] {
  const forms: AskedForm[] = [
    ...formsOf({ regex, grammar }, (name) => name, {}),
    ...formsOf({ grammar: ebnf }, () => "ebnf", {}),
    ...formsOf({ json: json_schema }, () => "json_schema", {}),
  ];
  if (format === undefined || format === "") return forms;
  const form = format === "json" ? jsonObjectForm() : schemaForm(format, "format");
  return [...forms, { field: "format", form }];
}

interface GivenForms {
  readonly json?: object | string | null | undefined;
  readonly regex?: string | null | undefined;
  readonly choice?: readonly string[] | null | undefined;
  readonly grammar?: string | null | undefined;
  readonly json_object?: boolean | null | undefined;
}

/** Each that is there; empty texts and lists ask for nothing. */
function formsOf(
  { json, regex, choice, grammar, json_object: isObject }: GivenForms,
  fieldOf: (name: keyof GivenForms) => string,
  layout: JsonLayout,
): readonly AskedForm[] {
  const forms: AskedForm[] = [];
  const add = (name: keyof GivenForms, form: GrammarSource) =>
    forms.push({ field: fieldOf(name), form: inField(fieldOf(name), form) });
  if (json) add("json", schemaForm(json, fieldOf("json"), layout));
  if (regex) add("regex", { type: "regex", pattern: regex });
  if (choice && choice.length > 0) add("choice", { type: "choice", choices: choice });
  if (grammar) add("grammar", { type: "ebnf", grammar });
  if (isObject) add("json_object", jsonObjectForm(layout));
  return forms;
}

function layoutOf(
  whitespace: Whitespace | undefined,
  pattern: string | null | undefined,
): JsonLayout {
  const asked = pattern ? { pattern } : whitespace;
  return asked === undefined ? {} : { whitespace: asked };
}
