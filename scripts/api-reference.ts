// The tables of a request's fields in docs/api.md: names, values and defaults are made of the schemas that check
// them, what a field means is written there by hand and kept. A test compares; to write them anew:
//
//   bun scripts/api-reference.ts

import * as v from "valibot";

import type { FieldRow, FieldTable } from "../src/door/field-policy.ts";
import { OUTPUT_FIELDS } from "../src/openai/answer-form.ts";
import {
  CHAT_FIELDS,
  COMPLETION_FIELDS,
  chatFields,
  completionFields,
  NVEXT,
  STREAM_OPTIONS,
} from "../src/openai/fields.ts";
import { MESSAGE_FIELDS } from "../src/openai/messages.ts";
import { SAMPLING_ROWS } from "../src/sampling/options.ts";

const DOCUMENT = new URL("../docs/api.md", import.meta.url);
const BEGIN = "<!-- made of the schemas, but for the meanings: bun scripts/api-reference.ts -->";
const END = "<!-- end -->";
const BEGIN_POLICY = "<!-- made of the tables of fields: bun scripts/api-reference.ts -->";
const END_POLICY = "<!-- end of the tables of fields -->";

type Entries = Readonly<Record<string, v.GenericSchema>>;

/** A field, as `stream_options.include_usage`, and what checks it. */
type Field = readonly [name: string, schema: v.GenericSchema];

/** The document with its tables made anew. */
export function withReference(document: string): string {
  const [before] = document.split(BEGIN);
  const [, after] = document.split(END);
  const meanings = meaningsIn(document);
  for (const [, { field, meaning }] of SAMPLING_ROWS) meanings.set(`Both routes ${field}`, meaning);
  const chat = fieldsOf(chatFields.entries);
  const completion = fieldsOf(completionFields.entries);
  const shared = chat.filter(([name, schema]) => isAmong(completion, name, schema));
  const notShared = (fields: readonly Field[]) =>
    fields.filter(([name, schema]) => !isAmong(shared, name, schema));
  const sections = [
    { title: "Both routes", fields: shared },
    { title: "Chat completions", fields: notShared(chat) },
    { title: "Completions", fields: notShared(completion) },
  ];
  const tables = sections.map(({ title, fields }) => {
    const rows = fields.map((field) => row(field, meanings.get(`${title} ${field[0]}`) ?? ""));
    const head = ["| field | value | default | meaning |", "|---|---|---|---|"];
    return `\n### ${title}\n\n${[...head, ...rows].join("\n")}\n`;
  });
  const parts = `${before}${BEGIN}\n${tables.join("")}\n${END}${after}`;
  return withPolicies(parts);
}

/** All fields that any of the APIs has, and what becomes of each. */
function withPolicies(document: string): string {
  const [before] = document.split(BEGIN_POLICY);
  const [, after] = document.split(END_POLICY);
  const rows = policyRows().map(([field, from, here]) => {
    const openai = from === "both" || from === "openai" ? "yes" : "";
    const vllm = from === "both" || from === "vllm" ? "yes" : "";
    return `| \`${field}\` | ${openai} | ${vllm} | ${here} |`;
  });
  const head = ["| field | OpenAI | vLLM | here |", "|---|---|---|---|"];
  return `${before}${BEGIN_POLICY}\n\n${[...head, ...rows].join("\n")}\n\n${END_POLICY}${after}`;
}

const FATES = { works: "works", harmless: "passed over", later: "not yet", refused: "refused" };

function policyRows(): readonly (readonly [string, FieldRow["from"], string])[] {
  const names = [...new Set([...Object.keys(CHAT_FIELDS), ...Object.keys(COMPLETION_FIELDS)])];
  const chat: FieldTable = CHAT_FIELDS;
  const completion: FieldTable = COMPLETION_FIELDS;
  const top = names.flatMap((name) => {
    const row = chat[name] ?? completion[name];
    return row ? [[name, row.from, fateOf(chat[name], completion[name])] as const] : [];
  });
  const inner = [
    ...innerRows("messages[].", MESSAGE_FIELDS),
    ...innerRows("stream_options.", STREAM_OPTIONS),
    ...innerRows("nvext.", NVEXT),
    ...innerRows("structured_outputs.", OUTPUT_FIELDS),
  ];
  return [...top, ...inner].toSorted((a, b) => rank(a[2]) - rank(b[2]));
}

function innerRows(at: string, table: FieldTable) {
  return Object.entries(table).map(
    ([name, row]) => [at + name, row.from, FATES[row.here]] as const,
  );
}

/** Fate of a field of both routes, or of one. */
function fateOf(chat: FieldRow | undefined, completion: FieldRow | undefined): string {
  if (completion === undefined) return chat ? `chats: ${FATES[chat.here]}` : "";
  if (chat === undefined) return `completions: ${FATES[completion.here]}`;
  const [one, other] = [FATES[chat.here], FATES[completion.here]];
  return one === other ? one : `chats: ${one}; completions: ${other}`;
}

function rank(fate: string): number {
  return Object.values(FATES).findIndex((word) => fate.includes(word));
}

function isAmong(fields: readonly Field[], name: string, schema: v.GenericSchema): boolean {
  return fields.some((field) => field[0] === name && field[1] === schema);
}

/** By section and field. */
function meaningsIn(document: string): Map<string, string> {
  const meanings = new Map<string, string>();
  let title = "";
  for (const line of document.split("\n")) {
    title = /^### (.*)/.exec(line)?.[1] ?? title;
    const [, field, meaning] = /^\| `([^`]+)` \|.*\|.*\| (.*) \|$/.exec(line) ?? [];
    if (field !== undefined && meaning !== undefined) meanings.set(`${title} ${field}`, meaning);
  }
  return meanings;
}

/** The fields, each followed by those that are inside of it. */
function fieldsOf(entries: Entries, prefix = ""): readonly Field[] {
  return Object.entries(entries).flatMap(([key, schema]): Field[] => {
    const name = prefix + key;
    const inner = unwrapped(schema);
    const [inside, mark] = isList(inner) ? [inner.item, "[]."] : [inner, "."];
    return [[name, schema], ...(hasEntries(inside) ? fieldsOf(inside.entries, name + mark) : [])];
  });
}

function row([name, schema]: Field, meaning: string): string {
  const fallback = v.getDefault(schema);
  const shown = fallback === undefined ? "" : `\`${JSON.stringify(fallback)}\``;
  const isRequired = unwrapped(schema) === schema;
  return `| \`${name}\` | ${valuesOf(schema)} | ${isRequired ? "required" : shown} | ${meaning} |`;
}

/** The schema's own words to a client that sends the wrong thing. */
function valuesOf(schema: v.GenericSchema): string {
  const { issues } = v.safeParse(unwrapped(schema), Symbol("no JSON"));
  return (issues?.[0].message ?? "anything")
    .replace(/^must be (a |an )?/, "")
    .replace(` from ${Number.MIN_SAFE_INTEGER}`, "")
    .replace(` to ${Number.MAX_SAFE_INTEGER}`, "");
}

function unwrapped(schema: v.GenericSchema): v.GenericSchema {
  return "wrapped" in schema ? (schema.wrapped as v.GenericSchema) : schema; // optional, nullish
}

function hasEntries(schema: v.GenericSchema): schema is v.GenericSchema & { entries: Entries } {
  return "entries" in schema;
}

function isList(schema: v.GenericSchema): schema is v.GenericSchema & { item: v.GenericSchema } {
  return schema.type === "array" && "item" in schema;
}

if (import.meta.main) {
  await Bun.write(DOCUMENT, withReference(await Bun.file(DOCUMENT).text()));
}
