// Words to token ids by @huggingface/tokenizers' own model: for vocabularies that mark the ends of words.

import type { Model as Library } from "@huggingface/tokenizers";

import type { IdBuffer } from "./id-buffer.ts";
import type { WordModel } from "./word-encoder.ts";

export class LibraryModel implements WordModel {
  readonly hasByteTokens = false;
  readonly #library: Library;

  constructor(library: Library) {
    this.#library = library;
  }

  get unknownId(): number | undefined {
    return this.#library.unk_token_id;
  }

  get fusesUnknown(): boolean {
    return this.#library.fuse_unk;
  }

  canJoin(): boolean {
    return true;
  }

  wholeId(): undefined {
    return undefined;
  }

  encode(word: string, ids: IdBuffer): void {
    for (const token of this.#library.encode([word])) {
      const id = this.#library.tokens_to_ids.get(token) ?? this.unknownId;
      if (id !== undefined) ids.push(id);
    }
  }

  *encodeInSteps(word: string, ids: IdBuffer): Generator<void> {
    this.encode(word, ids);
    yield;
  }
}
