import { charsOf, intersect, negate } from "./char-set.ts";
import type { Expression } from "./expression.ts";
import { GrammarError } from "./grammar-error.ts";

const NOT_JSON_SPACE = negate(charsOf(" \t\n\r"));

/** Throws `GrammarError` if `expression` may match what is no white space of JSON. */
export function checkWhitespacePattern(expression: Expression, place: string): void {
  if (expression.type === "repeat") checkWhitespacePattern(expression.body, place);
  else if (expression.type === "sequence")
    for (const part of expression.parts) checkWhitespacePattern(part, place);
  else if (expression.type === "choice")
    for (const option of expression.options) checkWhitespacePattern(option, place);
  else if (intersect(expression.set, NOT_JSON_SPACE).length > 0) {
    throw new GrammarError(
      "grammar_invalid",
      place,
      "it may match more than space, tab, \\n and \\r, so values would not be JSON; write [ \\t\\n\\r] for \\s",
    );
  }
}
