// Forms of texts, as the rooms tell them one another; src/grammar makes automata of them. Types only.

/** White space between the elements of JSON: a little of each usual kind, none, or what a regex says. */
export type Whitespace = "any" | "compact" | { readonly pattern: string };

export interface JsonLayout {
  readonly whitespace?: Whitespace;
  /** For objects whose schema declares properties and does not say whether others may come. */
  readonly undeclaredProperties?: "allowed" | "refused";
  /** Required properties that have a default may be left out: the reader puts it there. */
  readonly mayOmitDefaults?: boolean;
  /** Strings have the escapes that Python has too: no `\/`. */
  readonly escapes?: "json" | "python";
}

export interface SchemaSource {
  readonly type: "json_schema";
  /** The text as it came, since JSON.parse loses the order of keys. */
  readonly schema: string;
  /** JSON pointer of the part that is meant, as `#/properties/a`. Default: all of it. */
  readonly part?: string;
  /** No other values than objects. */
  readonly isObject?: true;
  readonly layout?: JsonLayout;
}

/**
 * An object of a schema, property by property in its order: `before`, name, `between`, value, `after`. Only what the schema
 * declares is written.
 */
export interface FieldsSource {
  readonly type: "fields";
  readonly schema: SchemaSource;
  readonly before: string;
  readonly between: string;
  readonly after: string;
  readonly separator: string;
  /** A regex that names must match. */
  readonly names: string;
  /** Values that are text as it is, not JSON. */
  readonly bare?: BareText;
}

export interface BareText {
  /** Properties that are strings, and those that may be a string or another kind. */
  readonly strings: readonly string[];
  readonly mixed: readonly string[];
  /** None of these stands in a text. */
  readonly markers: readonly string[];
  /** A regex of texts that a reader takes for another kind of value: no string of a mixed property is one. */
  readonly otherKinds: string;
}

export type GrammarSource =
  | SchemaSource
  | { readonly type: "json_object"; readonly layout?: JsonLayout }
  /** Matches the whole text. */
  | { readonly type: "regex"; readonly pattern: string }
  | { readonly type: "choice"; readonly choices: readonly string[] }
  | { readonly type: "ebnf"; readonly grammar: string; readonly root?: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "sequence"; readonly parts: readonly GrammarSource[] }
  | { readonly type: "any_of"; readonly options: readonly GrammarSource[] }
  | {
      readonly type: "list";
      readonly item: GrammarSource;
      readonly separator: GrammarSource;
      readonly min: number;
      /** Default: no limit. */
      readonly max?: number;
    }
  /** Any text in which none of `markers` stands, and whose first character that is no white space is not `notFirst`. */
  | { readonly type: "without"; readonly markers: readonly string[]; readonly notFirst?: string }
  | FieldsSource
  /** `fallback`, where `body` has what is not supported or goes over a limit. */
  | { readonly type: "lenient"; readonly body: GrammarSource; readonly fallback: GrammarSource }
  /** `body` came in this field of the request: for errors. */
  | { readonly type: "field"; readonly field: string; readonly body: GrammarSource };

/** The form of one output. */
export interface OutputGrammar {
  readonly source: GrammarSource;
  /** Texts of special tokens that are text here. */
  readonly markers: readonly string[];
  /** Tokens that end the output where it is whole; none under `ignore_eos`. */
  readonly endTokenIds: readonly number[];
  /** It helps the model, and no client asked for it: an engine that plays texts of its own passes it over. */
  readonly isOptional?: boolean;
}
