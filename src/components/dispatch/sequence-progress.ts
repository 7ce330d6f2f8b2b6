import type { PreprocessedRequest, TokenOutput } from "../../protocol/llm.ts";
import type { Progress } from "./dispatch.ts";

/** The tokens of one sequence so far, with which another worker goes on where the last one ended. */
export class SequenceProgress implements Progress<TokenOutput> {
  readonly #request: PreprocessedRequest;
  #tokenIds: number[] = [];
  #numCachedTokens: number | undefined;
  #isOver = false;

  constructor(request: PreprocessedRequest) {
    this.#request = request;
  }

  /** For the next worker. */
  get request(): PreprocessedRequest {
    if (!this.hasBegun) return this.#request;
    return { ...this.#request, output: Int32Array.from(this.#tokenIds) };
  }

  get hasBegun(): boolean {
    return this.#tokenIds.length > 0;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  // per output: no allocation, but after a migration
  add(output: TokenOutput): TokenOutput {
    for (const tokenId of output.tokenIds) this.#tokenIds.push(tokenId);
    this.#isOver = output.finishReason !== undefined;
    // The client's prompt was looked up once, by its first worker.
    this.#numCachedTokens ??= output.numCachedTokens;
    const numCachedTokens = this.#numCachedTokens;
    return output.numCachedTokens === numCachedTokens ? output : { ...output, numCachedTokens };
  }

  clear(): void {
    this.#tokenIds = [];
    this.#numCachedTokens = undefined;
  }
}
