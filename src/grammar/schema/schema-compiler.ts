// JSON Schema (draft 2020-12, the keywords of facts.ts) to a program.
//
// A value is compiled for a set of schemas, all of which must hold: `allOf` and `$ref` only add members to the set, and
// what a property must satisfy is the set of what each member says about it. Equal sets are one rule, so recursion ends.
// `anyOf` and `oneOf` multiply out to alternatives, each again a set.

import type { FieldsSource } from "../../protocol/grammar.ts";
import { GrammarError } from "../grammar-error.ts";
import type { JsonNode } from "../ordered-json.ts";
import type { GrammarProgram } from "../program.ts";
import { ProgramBuilder } from "../program-builder.ts";
import { anyJsonChar } from "../utf8.ts";
import { arrayNode } from "./arrays.ts";
import type { SchemaContext } from "./context.ts";
import { areDisjoint } from "./disjoint.ts";
import { enumerationNode, enumerationOf } from "./enumerations.ts";
import { type Facts, type JsonType, readFacts, type Schema, typesOf } from "./facts.ts";
import { fieldsNode } from "./fields.ts";
import { numberNode } from "./number.ts";
import { objectNode } from "./objects.ts";
import { References } from "./references.ts";
import { stringNode } from "./strings.ts";

export interface SchemaOptions {
  /** Nodes that match the white space between two elements; of one program builder. */
  readonly makeSpace: (builder: ProgramBuilder) => number;
  /** Properties that an object may have whose schema says nothing about additional ones. */
  readonly undeclaredProperties: "allowed" | "refused";
  /** Required properties that have a default may be left out. */
  readonly mayOmitDefaults: boolean;
  /** Escapes of strings that are held to no pattern. */
  readonly escapes: "json" | "python";
}

const MAX_ALTERNATIVES = 512;
/** `$ref`, `allOf`, `anyOf` and `oneOf` inside each other, with no property or item between. */
const MAX_EXPANSION = 200;

/** Values that satisfy all of `schemas`, which stand in `root`. */
export function compileSchema(
  root: JsonNode,
  options: SchemaOptions,
  schemas: readonly JsonNode[] = [root],
): GrammarProgram {
  const compiler = new SchemaCompiler(root, options);
  return compiler.program(compiler.value(schemas));
}

/** Such values as `source` writes them. */
export function compileFields(
  source: FieldsSource,
  root: JsonNode,
  options: SchemaOptions,
  schemas: readonly JsonNode[],
): GrammarProgram {
  const compiler = new SchemaCompiler(root, options);
  return compiler.program(fieldsNode(source, schemas, compiler));
}

class SchemaCompiler implements SchemaContext {
  readonly builder = new ProgramBuilder();
  readonly space: number;
  readonly undeclaredProperties: "allowed" | "refused";
  readonly mayOmitDefaults: boolean;
  readonly anyString: number;
  readonly escapes: "json" | "python";
  readonly #references: References;
  readonly #rules = new Map<string, number>();
  readonly #open: { readonly rule: number; readonly compile: () => number }[] = [];
  readonly #facts = new Map<JsonNode, Facts>();
  readonly #ids = new Map<JsonNode, number>();

  constructor(root: JsonNode, options: SchemaOptions) {
    this.#references = new References(root);
    this.undeclaredProperties = options.undeclaredProperties;
    this.mayOmitDefaults = options.mayOmitDefaults;
    this.space = options.makeSpace(this.builder);
    this.anyString = this.#anyString(options.escapes);
    this.escapes = options.escapes;
  }

  /** Ends the compilation; `root` is the node of a whole text. */
  program(root: number): GrammarProgram {
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) {
      this.builder.define(next.rule, next.compile());
    }
    this.builder.place = "#";
    return this.builder.finish(root);
  }

  value(schemas: readonly Schema[]): number {
    return this.#rule(`v${this.#keyOf(schemas)}`, schemas[0]?.pointer ?? "#", () => {
      this.builder.place = schemas[0]?.pointer ?? "#";
      const options = this.alternatives(schemas).map((facts) => this.#ofFacts(facts));
      return this.builder.choice(options);
    });
  }

  alternatives(schemas: readonly Schema[]): readonly (readonly Facts[])[] {
    return this.#product(schemas, new Set());
  }

  #rule(key: string, name: string, compile: () => number): number {
    const known = this.#rules.get(key);
    if (known !== undefined) return this.builder.call(known);
    const rule = this.builder.declare(name);
    this.#rules.set(key, rule);
    this.#open.push({ rule, compile });
    return this.builder.call(rule);
  }

  #keyOf(nodes: readonly JsonNode[]): string {
    const ids = nodes.map((node) => {
      let id = this.#ids.get(node);
      if (id === undefined) {
        id = this.#ids.size;
        this.#ids.set(node, id);
      }
      return id;
    });
    return [...new Set(ids)].sort((a, b) => a - b).join();
  }

  /** All of `schemas` hold: each alternative of one with each of the others. */
  #product(schemas: readonly Schema[], path: ReadonlySet<Schema>): readonly (readonly Facts[])[] {
    let product: readonly (readonly Facts[])[] = [[]];
    for (const schema of new Set(schemas)) {
      const own = this.#expand(schema, path);
      if (product.length * own.length > MAX_ALTERNATIVES) {
        throw new GrammarError(
          "grammar_too_complex",
          schema.pointer,
          `anyOf and oneOf multiply to more than ${MAX_ALTERNATIVES} alternatives`,
        );
      }
      product = product.flatMap((left) => own.map((right) => [...new Set([...left, ...right])]));
    }
    return product;
  }

  #expand(schema: Schema, path: ReadonlySet<Schema>): readonly (readonly Facts[])[] {
    if (schema.type === "boolean") return schema.value ? [[]] : [];
    if (schema.type !== "object")
      throw new GrammarError("grammar_invalid", schema.pointer, "expected a schema");
    if (path.has(schema)) {
      throw new GrammarError(
        "grammar_invalid",
        schema.pointer,
        "it refers to itself with no property or item between",
      );
    }
    if (path.size > MAX_EXPANSION) {
      throw new GrammarError(
        "grammar_too_complex",
        schema.pointer,
        `more than ${MAX_EXPANSION} references in a row`,
      );
    }
    const facts = this.#factsOf(schema);
    const inner = new Set([...path, schema]);
    const targets = facts.refs.map((ref) => this.#references.resolve(ref));
    let product = this.#product([...targets, ...facts.allOf], inner).map((set) => [facts, ...set]);
    for (const branches of [facts.anyOf, facts.oneOf]) {
      if (branches === undefined) continue;
      const sets = branches.map((branch) => this.#expand(branch, inner));
      if (branches === facts.oneOf) this.#checkDisjoint(branches, sets);
      const all = sets.flat();
      if (product.length * all.length > MAX_ALTERNATIVES) {
        throw new GrammarError(
          "grammar_too_complex",
          schema.pointer,
          `anyOf and oneOf multiply to more than ${MAX_ALTERNATIVES} alternatives`,
        );
      }
      product = product.flatMap((left) => all.map((right) => [...left, ...right]));
    }
    return product.map((set) => [...new Set(set)]);
  }

  #checkDisjoint(
    branches: readonly Schema[],
    sets: readonly (readonly (readonly Facts[])[])[],
  ): void {
    for (let right = 1; right < sets.length; right++) {
      for (let left = 0; left < right; left++) {
        const isClear = sets[left]?.every((a) =>
          sets[right]?.every((b) => areDisjoint(a, b, this)),
        );
        if (isClear !== true) throw notDisjoint(branches, left, right);
      }
    }
  }

  #factsOf(schema: JsonNode): Facts {
    let facts = this.#facts.get(schema);
    if (facts === undefined && schema.type === "object") {
      facts = readFacts(schema);
      this.#facts.set(schema, facts);
    }
    return facts as Facts; // objects only
  }

  /** Values of which all of `facts` hold. */
  #ofFacts(facts: readonly Facts[]): number {
    const meaningful = facts.filter(({ node }) => node.members.size > 0);
    const key = `f${this.#keyOf(meaningful.map(({ node }) => node))}`;
    return this.#rule(key, meaningful[0]?.node.pointer ?? "#", () => {
      this.builder.place = meaningful[0]?.node.pointer ?? "#";
      const enumeration = enumerationOf(meaningful, this);
      if (enumeration !== undefined) return enumerationNode(enumeration, this);
      return this.builder.choice(
        [...typesOf(meaningful)].map((type) => this.#ofType(type, meaningful)),
      );
    });
  }

  #ofType(type: JsonType, facts: readonly Facts[]): number {
    const { builder } = this;
    if (type === "null") return builder.text("null");
    if (type === "boolean") return builder.choice([builder.text("true"), builder.text("false")]);
    if (type === "string") return stringNode(facts, this);
    if (type === "array") return arrayNode(facts, this);
    if (type === "object") return objectNode(facts, this);
    return numberNode(builder, {
      form: type === "integer" ? "integer" : "decimal",
      lower: facts.flatMap(({ lower }) => lower),
      upper: facts.flatMap(({ upper }) => upper),
      multiplesOf: facts.flatMap(({ multiplesOf }) => multiplesOf),
    });
  }

  #anyString(escapes: "json" | "python"): number {
    const { builder } = this;
    const quote = builder.text('"');
    const chars = builder.repeat(anyJsonChar(builder, escapes), {
      min: 0,
      max: Number.POSITIVE_INFINITY,
    });
    const rule = builder.declare("string");
    builder.define(rule, builder.sequence([quote, chars, quote]));
    return builder.call(rule);
  }
}

function notDisjoint(branches: readonly Schema[], left: number, right: number): GrammarError {
  return new GrammarError(
    "grammar_unsupported",
    branches[right]?.pointer ?? "#",
    `oneOf is supported where no value can satisfy two branches; branch ${left} and this one may overlap. ` +
      "Write anyOf, or a required property whose const differs",
  );
}
