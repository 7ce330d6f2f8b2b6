// The tables of docs/config.md, made of the components' schemas. A test compares; to write them anew:
//
//   bun scripts/config-reference.ts

import { toJsonSchema } from "@valibot/to-json-schema";
import * as components from "dynamo/components";
import type { GenericSchema } from "valibot";
import { getDefault, getDescription } from "valibot";

const DOCUMENT = new URL("../docs/config.md", import.meta.url);
const BEGIN = "<!-- made of the schemas: bun scripts/config-reference.ts -->";
const END = "<!-- end -->";

/** The document with its tables made anew. */
export function withReference(document: string): string {
  const [before] = document.split(BEGIN);
  const [, after] = document.split(END);
  return `${before}${BEGIN}\n${reference()}${END}${after}`;
}

function reference(): string {
  const sections = Object.entries(components).map(([name, exported]) => {
    if (!("entries" in exported)) return ""; // a service; its schema is exported as its name and `Config`
    const rows = Object.entries(exported.entries).map(([key, schema]) => row(key, schema));
    const head = ["| key | values | default | meaning |", "|---|---|---|---|"];
    return `\n### ${name.replace(/Config$/, "")}\n\n${[...head, ...rows].join("\n")}\n`;
  });
  return `${sections.join("")}\n`;
}

function row(key: string, schema: GenericSchema): string {
  const fallback = getDefault(schema);
  const text = Array.isArray(fallback) ? JSON.stringify(fallback) : String(fallback);
  const shown = fallback === undefined ? "" : `\`${text}\``;
  return `| \`${spelling(key)}\` | ${valuesOf(schema)} | ${shown} | ${getDescription(schema)} |`;
}

/** As the guide spells it: kebab case, but for the one key that it writes with underscores. */
function spelling(key: string): string {
  if (key === "servedModelName") return "served_model_name";
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function valuesOf(schema: GenericSchema): string {
  return describe(toJsonSchema(schema));
}

type JsonSchema = ReturnType<typeof toJsonSchema>;

function describe(schema: JsonSchema): string {
  if (schema.anyOf) {
    return schema.anyOf.map((one) => (typeof one === "object" ? describe(one) : "")).join(" or ");
  }
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  const above = schema.exclusiveMinimum === undefined ? "" : ` above ${schema.exclusiveMinimum}`;
  const from = schema.minimum === undefined ? "" : ` from ${schema.minimum}`;
  const to = schema.maximum === undefined ? "" : ` to ${schema.maximum}`;
  return `${String(schema.type)}${above}${from}${to}`;
}

if (import.meta.main) {
  await Bun.write(DOCUMENT, withReference(await Bun.file(DOCUMENT).text()));
}
