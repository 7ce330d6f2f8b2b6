// The grammars of one worker: compiled on a side thread, kept by their content, and shared by all sequences that have the
// same.
//
//   OutputGrammar --GrammarCompiler--> GrammarProgram --> TokenMasks (kept) --> GrammarMatcher, one a sequence

import type { ServiceContext } from "dynamo";

import { GrammarMatcher } from "../../grammar/grammar-matcher.ts";
import { TokenMasks } from "../../grammar/token-masks.ts";
import { TokenTrie } from "../../grammar/token-trie.ts";
import type { OutputGrammar } from "../../protocol/grammar.ts";
import { GrammarCompiler, type GrammarCompilerOptions } from "./grammar-compiler.ts";

/** Grammars that are kept while no sequence has them. */
const MAX_KEPT = 64;
/** Tables of all grammars together: each that is in use has an equal share. */
const MAX_TABLE_BYTES = 256 * 2 ** 20;
const MAX_SHARE_BYTES = 64 * 2 ** 20;
/** Nodes of the vocabulary's trie walked between two turns of the event loop: half a millisecond. */
const UNITS_PER_TURN = 25_000;

interface Vocabulary {
  readonly trie: TokenTrie;
  /** Ids of the special tokens of each text. */
  readonly specialsOf: ReadonlyMap<string, readonly number[]>;
}

export class Grammars {
  readonly #clock: ServiceContext["clock"];
  readonly #compiler: GrammarCompiler;
  #vocabulary: Promise<Vocabulary> | undefined;
  /** The last used is last. */
  readonly #kept = new Map<string, Promise<TokenMasks>>();
  /** All whose memory is not free yet. */
  readonly #live = new Set<WeakRef<TokenMasks>>();

  constructor(options: GrammarCompilerOptions) {
    this.#clock = options.context.clock;
    this.#compiler = new GrammarCompiler(options);
  }

  /** A new output's mask; that of its first token is made. Rejects with `GrammarError`, as it may come from another thread. */
  async open({ source, markers, endTokenIds }: OutputGrammar, tenant: number) {
    const masks = await this.#masksOf({ source, markers }, tenant);
    const matcher = new GrammarMatcher(masks, { endTokenIds: new Set(endTokenIds) });
    while (!matcher.prepare({ units: UNITS_PER_TURN })) await this.#clock.turn();
    return matcher;
  }

  #masksOf(
    grammar: Pick<OutputGrammar, "source" | "markers">,
    tenant: number,
  ): Promise<TokenMasks> {
    const text = JSON.stringify(grammar);
    const key = new Bun.CryptoHasher("sha256").update(text).digest("base64");
    const masks = this.#kept.get(key) ?? this.#make(grammar, text.length, tenant);
    this.#kept.delete(key);
    this.#kept.set(key, masks);
    masks.catch(() => this.#kept.delete(key)); // its callers have the error
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    return masks;
  }

  async #make(
    { source, markers }: Pick<OutputGrammar, "source" | "markers">,
    numChars: number,
    tenant: number,
  ): Promise<TokenMasks> {
    const program = await this.#compiler.compile(source, numChars, tenant);
    const { trie, specialsOf } = await this.#openVocabulary(tenant);
    const masks = new TokenMasks({
      ...{ program, trie, markers: markerTokens(markers, specialsOf) },
      maxTableBytes: () => this.#share(),
    });
    this.#live.add(new WeakRef(masks));
    this.#keepWithinShare();
    return masks;
  }

  #openVocabulary(tenant: number): Promise<Vocabulary> {
    this.#vocabulary ??= this.#compiler.vocabulary(tenant).then(({ trie, specials }) => {
      const specialsOf = Map.groupBy(specials.keys(), (id) => specials.get(id) ?? "");
      return { trie: new TokenTrie(trie), specialsOf };
    });
    this.#vocabulary.catch(() => {
      this.#vocabulary = undefined; // the next grammar tries again
    });
    return this.#vocabulary;
  }

  #share(): number {
    return Math.min(MAX_SHARE_BYTES, MAX_TABLE_BYTES / Math.max(1, this.#live.size));
  }

  /** One more grammar makes each one's share less. */
  #keepWithinShare(): void {
    for (const one of this.#live) {
      const masks = one.deref();
      if (masks === undefined) this.#live.delete(one);
      else if (masks.tableBytes > this.#share()) masks.forget();
    }
  }
}

/** The bytes of those special tokens whose text is one of `markers`. */
function markerTokens(
  markers: readonly string[],
  specialsOf: Vocabulary["specialsOf"],
): ReadonlyMap<number, Uint8Array> {
  return new Map(
    markers.flatMap((marker) =>
      (specialsOf.get(marker) ?? []).map((id) => [id, new TextEncoder().encode(marker)] as const),
    ),
  );
}
