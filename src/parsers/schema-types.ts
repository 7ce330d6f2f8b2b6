// Kinds of arguments by a tool's schema, for formats that write all values as text.

import type { ToolDefinition } from "../protocol/chat.ts";
import { jsonOfPython } from "./python-literal.ts";

export type JsonType = "string" | "integer" | "number" | "boolean" | "null" | "array" | "object";

const MAX_DEPTH = 8;

type Schema = Readonly<Record<string, unknown>>;

/** The kinds that each argument of a tool may have. Empty: its schema does not say. */
export class ArgumentTypes {
  readonly #root: Schema;

  constructor(tool: ToolDefinition | undefined) {
    this.#root = tool?.parameters ?? {};
  }

  /** Arguments that the schema declares. */
  get names(): readonly string[] {
    const properties = this.#root["properties"];
    return isSchema(properties) ? Object.keys(properties) : [];
  }

  of(name: string): ReadonlySet<JsonType> {
    const types = new Set<JsonType>();
    const properties = this.#root["properties"];
    if (isSchema(properties) && Object.hasOwn(properties, name)) {
      this.#collect(properties[name], types, 0);
    }
    return types;
  }

  #collect(schema: unknown, types: Set<JsonType>, depth: number): void {
    if (!isSchema(schema) || depth > MAX_DEPTH) return;
    for (const type of typesNamedBy(schema)) types.add(type);
    for (const key of ["anyOf", "oneOf", "allOf"]) {
      for (const one of listOf(schema[key])) this.#collect(one, types, depth + 1);
    }
    const target = schema["$ref"];
    if (typeof target === "string") this.#collect(this.#resolve(target), types, depth + 1);
  }

  /** `#/$defs/Name`, a JSON pointer into the tool's own schema. */
  #resolve(pointer: string): unknown {
    if (!pointer.startsWith("#")) return undefined;
    let at: unknown = this.#root;
    for (const part of pointer.slice(1).split("/").slice(1)) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      at = isSchema(at) && Object.hasOwn(at, key) ? at[key] : undefined;
    }
    return at;
  }
}

/** By `type`; else by what values there are, or what they have in them. */
function typesNamedBy(schema: Schema): readonly JsonType[] {
  const named = listOf(schema["type"]).filter(isType);
  if (named.length > 0) return named;
  if ("const" in schema) return [typeOf(schema["const"])];
  if (Array.isArray(schema["enum"])) return schema["enum"].map(typeOf);
  if (isSchema(schema["properties"])) return ["object"];
  return isSchema(schema["items"]) ? ["array"] : [];
}

/** True if only text can be meant. */
export function isText(types: ReadonlySet<JsonType>): boolean {
  return types.size === 0 || (types.size === 1 && types.has("string"));
}

/** JSON text of a value that a model wrote as text: of a kind that its schema allows if it has that form, else a string. */
export function jsonOfText(text: string, types: ReadonlySet<JsonType>): string {
  if (isText(types)) return JSON.stringify(text);
  const word = text.trim();
  for (const json of [word, jsonOfPython(word)]) {
    if (json !== undefined && !json.startsWith('"') && isOf(json, types)) return json;
  }
  const isWord = types.has("boolean") && /^(true|false)$/i.test(word);
  if (isWord || (types.has("null") && /^(null|none)$/i.test(word))) {
    return isWord ? word.toLowerCase() : "null";
  }
  return JSON.stringify(text);
}

/** JSON text of a value that came with a kind, in one that its schema allows where there is a plain way to it. */
export function jsonAs(json: string, types: ReadonlySet<JsonType>): string {
  if (types.size === 0 || isOf(json, types)) return json;
  if (json.startsWith('"')) return jsonOfText(JSON.parse(json), types);
  return types.has("string") && !/^[[{]/.test(json) ? JSON.stringify(json) : json;
}

function isOf(json: string, types: ReadonlySet<JsonType>): boolean {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return false; // no JSON at all
  }
  const type = typeOf(value);
  return types.has(type) || (type === "integer" && types.has("number"));
}

function typeOf(value: unknown): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "string":
    case "boolean":
      return typeof value as JsonType;
    case "number":
      return Number.isInteger(value) ? "integer" : "number";
    default:
      return "object";
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function isType(value: unknown): value is JsonType {
  return typeof value === "string" && TYPES.has(value);
}

const TYPES: ReadonlySet<string> = new Set<JsonType>([
  ...(["string", "integer", "number", "boolean", "null", "array", "object"] as const),
]);
