// Log-probabilities with the texts of their tokens.

import type { ScoredToken, TokenLogprobs, TokenScore } from "../../protocol/llm.ts";
import type { TokenPiece } from "../../tokenizer/token-pieces.ts";

export interface PieceSource {
  /** The piece that a token adds to a text; special tokens are spelled. */
  shownPieceOf(tokenId: number): TokenPiece;
}

/** Those of the first `count` tokens. */
export function scoredTokens(
  tokenIds: ArrayLike<number>,
  told: TokenLogprobs,
  { pieces, count = tokenIds.length }: { readonly pieces: PieceSource; readonly count?: number },
): ScoredToken[] {
  const numTop = told.logprobs.length === 0 ? 0 : told.topIds.length / told.logprobs.length;
  return Array.from({ length: count }, (_, index) => {
    const top: TokenScore[] = [];
    for (let place = 0; place < numTop; place++) {
      const at = index * numTop + place;
      const tokenId = told.topIds[at] ?? -1;
      if (tokenId < 0) break;
      const score = { logprob: told.topLogprobs[at] ?? 0, rank: place + 1 };
      top.push({ tokenId, ...score, ...spelled(tokenId, pieces) });
    }
    const tokenId = tokenIds[index] ?? 0;
    const score = { logprob: told.logprobs[index] ?? 0, rank: told.ranks[index] ?? 0 };
    return { tokenId, ...score, ...spelled(tokenId, pieces), top };
  });
}

/** U+FFFD stands for what is no whole character by itself; the bytes are the token's own. */
export function spelled(
  tokenId: number,
  pieces: PieceSource,
): { readonly text: string; readonly bytes: readonly number[] } {
  const piece = pieces.shownPieceOf(tokenId);
  const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
  const text = typeof piece === "string" ? piece : new TextDecoder().decode(piece);
  return { text, bytes: [...bytes] };
}
