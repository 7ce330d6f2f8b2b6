// Messages between a worker and its grammar thread, which answers each job before it gets the next. Types only.

import type { WireError } from "../base/error.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import type { GrammarProgram } from "./program.ts";
import type { TrieData } from "./token-trie.ts";

export interface GrammarThreadInit {
  /** The model's directory or file; undefined for the mocked model. */
  readonly model: string | undefined;
  /** Logits of the model. */
  readonly vocabSize: number;
}

export type GrammarJob =
  | { readonly type: "vocabulary" }
  | { readonly type: "compile"; readonly source: GrammarSource };

export type GrammarAnswer =
  | {
      readonly type: "vocabulary";
      readonly trie: TrieData;
      /** Texts of special tokens, by id. */
      readonly specials: ReadonlyMap<number, string>;
    }
  | { readonly type: "program"; readonly program: GrammarProgram }
  | { readonly type: "refusal"; readonly error: WireError };
