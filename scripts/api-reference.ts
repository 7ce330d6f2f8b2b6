// The tables of a request's fields in docs/api.md: names, values and defaults are made of the schemas that check
// them, what a field means is written there by hand and kept. A test compares; to write them anew:
//
//   bun scripts/api-reference.ts

import * as v from "valibot";

import { chatFields, completionFields } from "../src/openai/wire.ts";

const DOCUMENT = new URL("../docs/api.md", import.meta.url);
const BEGIN = "<!-- made of the schemas, but for the meanings: bun scripts/api-reference.ts -->";
const END = "<!-- end -->";

type Entries = Readonly<Record<string, v.GenericSchema>>;

/** A field, as `stream_options.include_usage`, and what checks it. */
type Field = readonly [name: string, schema: v.GenericSchema];

/** The document with its tables made anew. */
export function withReference(document: string): string {
  const [before] = document.split(BEGIN);
  const [, after] = document.split(END);
  const meanings = meaningsIn(document);
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
  return `${before}${BEGIN}\n${tables.join("")}\n${END}${after}`;
}

function isAmong(fields: readonly Field[], name: string, schema: v.GenericSchema): boolean {
  return fields.some((field) => field[0] === name && field[1] === schema);
}

/** By section and field. */
function meaningsIn(document: string): ReadonlyMap<string, string> {
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

/** What the schema itself says to somebody who sends the wrong thing. */
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
