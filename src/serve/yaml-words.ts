// Faults that the `yaml` library finds, in the words of a configuration's author, with the cure. The library's
// own texts speak of its grammar; they only tell apart what has one code.

import type { YAMLParseError } from "yaml";

export function describeYamlError({
  code,
  message,
}: Pick<YAMLParseError, "code" | "message">): string {
  const [, words] = TEXTS.find(([pattern]) => pattern.test(message)) ?? [];
  return words ?? CODES[code] ?? "this cannot be read here; see the line above it, too";
}

const CODES: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY:
    "a value is followed by another key. Either the line is indented too far, or two keys stand on one line: give each its own line",
  MULTILINE_IMPLICIT_KEY: 'a key needs a ":" and a space behind it, as in port: 8000',
  BAD_INDENT: "the line begins at another column than its neighbours; indent keys of one map alike",
  TAB_AS_INDENT: "a tab cannot indent; use spaces",
  BAD_SCALAR_START: "a value cannot begin with this character unless it is quoted",
  BAD_DQ_ESCAPE:
    "this escape does not exist between double quotes; write \\\\ for a backslash, or use 'single quotes'",
  BAD_ALIAS: 'a "*" begins the name of an anchor; quote the value if it is text',
  MULTIPLE_ANCHORS: "a value has two anchors (&); keep one",
  MULTIPLE_TAGS: "a value has two tags (!); keep one",
  MULTIPLE_DOCS: 'the file goes on behind a second "---"; a configuration is one document',
  TAG_RESOLVE_FAILED:
    'a "!" begins a tag, and this one is not known; quote the value if it is text',
  BLOCK_IN_FLOW: "a { or [ above is not closed",
  BAD_PROP_ORDER: "an anchor or a tag stands behind what it belongs to; put it before",
  BAD_DIRECTIVE: 'a line that begins with "%" is a directive, and this one is not known',
  RESOURCE_EXHAUSTION: "it nests too deep",
};

/** Texts where one code has several causes. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^Missing closing "/, 'a double quote (") is not closed'],
  [/^Missing closing '/, "a single quote (') is not closed"],
  [/end with a \]/, "a [ is not closed; end the list with ]"],
  [/end with a \}/, "a { is not closed; end the map with }"],
  [
    /need to be followed by map values/,
    'a key needs a ":" and a space behind it, as in port: 8000',
  ],
  [/^Tags and anchors must be separated/, "an anchor or a tag needs a space behind it"],
  [/flow-map-end/, "this } closes nothing; remove it, or quote the value"],
  [/flow-seq-end/, "this ] closes nothing; remove it, or quote the value"],
  [
    /^Block scalar header/,
    "nothing may stand behind | or > on their line; quote the value if it is text",
  ],
  [
    /block-seq-ind/,
    'a "-" begins an item of a list, which needs a line of its own; quote the value if it is text',
  ],
  [
    /at node end/,
    "something stands behind a complete value; indent it if it is part of the map above, or quote the whole value",
  ],
];
