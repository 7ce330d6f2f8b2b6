import type { ProgramBuilder } from "../program-builder.ts";
import type { Facts, Schema } from "./facts.ts";

/** Questions that compilers of single types ask back. */
export interface SchemaContext {
  readonly builder: ProgramBuilder;
  readonly space: number;
  readonly undeclaredProperties: "allowed" | "refused";
  readonly mayOmitDefaults: boolean;
  /** Any JSON string, in any form that JSON allows. */
  readonly anyString: number;
  /** The forms that it has. */
  readonly escapes: "json" | "python";
  /** The node of values that satisfy all of `schemas`. */
  value(schemas: readonly Schema[]): number;
  /** Sets of facts, all of one of which hold for a value that satisfies all of `schemas`. */
  alternatives(schemas: readonly Schema[]): readonly (readonly Facts[])[];
}
