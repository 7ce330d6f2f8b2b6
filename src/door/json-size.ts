// Limits of a body that is JSON, checked in one pass before it is parsed: every stream of the frontend waits for
// JSON.parse. 16 MiB of unlike keys took it 8 s, of empty lists 2 s. The text may be no JSON at all.

/** Containers within each other. No request needs more, and code that walks a body may recurse. */
export const MAX_DEPTH = 64;

/** Lists, objects, keys and other strings. 10,000 messages of one part each have 110,000. */
export const MAX_PARTS = 131_072;

/** Commas: a body of token ids has one for each. */
export const MAX_COMMAS = 2_000_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The limit that `text` exceeds, if any: `depth` is `MAX_DEPTH`, `values` one of the others. */
export function excessOf(text: string): "depth" | "values" | undefined {
  let depth = 0;
  let numParts = 0;
  let numCommas = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        numParts++;
        at = endOfString(text, at);
        break;
      case COMMA:
        numCommas++;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        numParts++;
        if (++depth > MAX_DEPTH) return "depth";
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
    }
  }
  return numParts > MAX_PARTS || numCommas > MAX_COMMAS ? "values" : undefined;
}

/** The index of the quote that ends the string whose first quote is at `start`; the text's end if none does. */
function endOfString(text: string, start: number): number {
  const quote = text.indexOf('"', start + 1);
  if (quote < 0) return text.length;
  if (text.charCodeAt(quote - 1) !== BACKSLASH) return quote;
  // A search for each of millions of escaped quotes would take ten times as long as this.
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) {
    at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  }
  return at;
}
