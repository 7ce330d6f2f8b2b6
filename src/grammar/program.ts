// The target of every front end: expressions over bytes, and rules that call each other.
//
//   JSON Schema, regex, choice, EBNF  ->  GrammarProgram  ->  Automaton (with a vocabulary)  ->  masks
//
// A program is plain data: it can be posted to another thread, and an automaton is made from it without a parse.

export type GrammarNode =
  /** One byte of these inclusive ranges: lowest, highest, lowest, highest, ... */
  | { readonly type: "bytes"; readonly ranges: readonly number[] }
  | { readonly type: "literal"; readonly bytes: Uint8Array }
  /** All parts in order; no parts match the empty text. */
  | { readonly type: "sequence"; readonly parts: readonly number[] }
  /** Any of the options; no options match nothing. */
  | { readonly type: "choice"; readonly options: readonly number[] }
  /** `max` may be Infinity. Counts are kept while matching: a large `max` takes no space here. */
  | { readonly type: "repeat"; readonly body: number; readonly min: number; readonly max: number }
  | { readonly type: "rule"; readonly rule: number }
  /** A finite automaton whose edges are nodes. It starts in state 0; `edges[s]` is node, target, node, target, ... */
  | {
      readonly type: "graph";
      readonly edges: readonly (readonly number[])[];
      readonly accepting: readonly boolean[];
    };

export interface GrammarRule {
  /** For messages. */
  readonly name: string;
  readonly node: number;
}

export interface GrammarCode {
  readonly nodes: readonly GrammarNode[];
  readonly rules: readonly GrammarRule[];
  /** The node of a whole text. */
  readonly root: number;
}

export interface Analysis {
  /** 1 for each node that matches some text. */
  readonly isProductive: Uint8Array;
  /** 1 for each node that matches the empty text. */
  readonly isNullable: Uint8Array;
  /** By graph: 1 for each state from which an accepting one can be reached. */
  readonly liveStates: ReadonlyMap<number, Uint8Array>;
  /** A rule is called, at one place of the text, only by rules of lower ranks. */
  readonly rankOfRule: Int32Array;
}

export interface GrammarProgram extends GrammarCode {
  /** Worked out where it is compiled, so that no automaton has to. */
  readonly analysis: Analysis;
}
