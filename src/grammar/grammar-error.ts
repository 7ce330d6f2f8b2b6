import { DynamoError } from "../base/error.ts";

export type GrammarErrorCode =
  /** The source is not well formed, or no text satisfies it. */
  | "grammar_invalid"
  /** The source is well formed, but uses a keyword or syntax that is not supported. */
  | "grammar_unsupported"
  /** The source is over a limit of size, depth or states. */
  | "grammar_too_complex";

/** A grammar that cannot be used. `place` is a JSON pointer, or a line and column of the source. */
export class GrammarError extends DynamoError {
  override readonly code: GrammarErrorCode;
  readonly place: string;
  readonly #reason: string;

  constructor(code: GrammarErrorCode, place: string, reason: string, field?: string) {
    const at = field === undefined ? place : `'${field}': ${place}`;
    super(`${at}: ${reason}`, { place, ...(field !== undefined && { param: field }) });
    this.code = code;
    this.place = place;
    this.#reason = reason;
  }

  /** The same, in a field of a request. */
  inField(field: string): GrammarError {
    return new GrammarError(this.code, this.place, this.#reason, field);
  }
}
