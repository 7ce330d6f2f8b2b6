// A published OpenAPI document, to check answers against. It says 3.1 and still writes `nullable`, which 3.1 does not
// have: it is read as 3.0 means it, since the document refuses its own streams otherwise.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";

export class OpenApiDocument {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false });
  readonly #checks = new Map<string, ValidateFunction>();

  /** `folder` has the document as `openapi.json` or `openapi.yaml`. */
  constructor(folder: string) {
    const file = ["openapi.json", "openapi.yaml"]
      .map((name) => join(folder, name))
      .find((path) => existsSync(path));
    if (file === undefined) throw new Error(`${folder} has no openapi.json or openapi.yaml`);
    const text = readFileSync(file, "utf8");
    const document = file.endsWith(".json") ? JSON.parse(text) : Bun.YAML.parse(text);
    this.#ajv.addSchema({ $id: "openapi", components: withNulls(document.components) });
  }

  /** Fault of `value` as a `name` of the document; undefined if there is none. */
  errorOf(name: string, value: unknown): string | undefined {
    const check =
      this.#checks.get(name) ?? this.#ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
    this.#checks.set(name, check);
    if (check(value)) return undefined;
    const text = JSON.stringify(value);
    return `${this.#ajv.errorsText(check.errors)} in ${text.slice(0, 500)}`;
  }
}

/** Each schema that is `nullable` may be null as well. */
function withNulls(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withNulls);
  if (typeof schema !== "object" || schema === null) return schema;
  const { nullable, ...fields } = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, withNulls(value)]),
  );
  if (nullable !== true) return { ...fields, ...(nullable !== undefined && { nullable }) };
  return { anyOf: [fields, { type: "null" }] };
}
