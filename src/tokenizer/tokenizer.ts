// Text to token ids and back, as the model at hand was trained on them. Encoding is
// @huggingface/tokenizers'; decoding is ours (token-pieces.ts), since a stream needs it token by token.

import type { Tokenizer as Encoder } from "@huggingface/tokenizers";

import type { Logger } from "../base/log.ts";
import { ModelError } from "../model/model-error.ts";
import { type ChatMessage, ChatTemplate } from "./chat-template.ts";
import { Detokenizer } from "./detokenizer.ts";
import { openTokenizer } from "./open-tokenizer.ts";
import { type EncodeOptions, PromptTooLongError, type TextCodec } from "./text-codec.ts";
import { TextStream, type TextStreamOptions } from "./text-stream.ts";
import { TokenPieces } from "./token-pieces.ts";
import type { TokenizerFiles } from "./tokenizer-files.ts";

export class Tokenizer implements TextCodec {
  /** One more than the highest token id. The model's vocabulary may be larger, padded. */
  readonly vocabSize: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;

  readonly #encoder: Encoder;
  readonly #files: TokenizerFiles;
  readonly #template: ChatTemplate | undefined;
  readonly #pieces: TokenPieces;

  private constructor(
    files: TokenizerFiles,
    { encoder, template }: { readonly encoder: Encoder; readonly template?: ChatTemplate },
  ) {
    this.#files = files;
    this.#encoder = encoder;
    this.#template = template;
    this.#pieces = new TokenPieces({
      decoder: decoderOf(files),
      addedTokens: files.addedTokens,
      tokenOf: (tokenId) => encoder.id_to_token(tokenId),
    });
    this.vocabSize = files.vocabulary.numIds;
    this.bosTokenId = idOf(files.bosToken, encoder);
    this.eosTokenId = idOf(files.eosToken, encoder);
  }

  /** Loads the tokenizer of a model: a directory or a GGUF file. Throws `ModelError`. */
  static async load(model: string, log: Logger): Promise<Tokenizer> {
    const files = await openTokenizer(model);
    const encoder = await createEncoder(files);
    if (files.chatTemplate === undefined) {
      log.warn("the model has no chat template: a chat's messages are joined by newlines", {
        file: files.config.place,
      });
      return new Tokenizer(files, { encoder });
    }
    const template = await ChatTemplate.parse(files.chatTemplate, files);
    return new Tokenizer(files, { encoder, template });
  }

  /** A text as the model expects one: with the tokens that open it, and never with two of them. */
  encode(text: string, options: EncodeOptions): Int32Array {
    const ids = this.#encode(text, "opened", options);
    const { bosTokenId: bos } = this;
    if (bos === undefined) return Int32Array.from(ids);
    if (ids[0] !== bos && this.#files.addBosToken) ids.unshift(bos);
    // The text itself began with it.
    if (ids[0] === bos && ids[1] === bos) ids.shift();
    return Int32Array.from(ids);
  }

  /** A conversation, up to where the assistant's answer begins. */
  encodeChat(messages: readonly ChatMessage[], options: EncodeOptions): Int32Array {
    if (this.#template === undefined) {
      return this.encode(messages.map(({ content }) => content).join("\n"), options);
    }
    // A template writes the opening token where the model wants one.
    return Int32Array.from(this.#encode(this.#template.render(messages), "as-is", options));
  }

  /** The text of token ids. Special tokens have none. */
  decode(tokenIds: ArrayLike<number>): string {
    const detokenizer = new Detokenizer(this.#pieces, []);
    let text = "";
    for (let index = 0; index < tokenIds.length; index++) {
      text += detokenizer.push(tokenIds[index] ?? 0);
    }
    return text + detokenizer.finish();
  }

  /** A new text that goes on from a prompt. */
  textStream(options: TextStreamOptions): TextStream {
    return new TextStream(this.#pieces, options);
  }

  #encode(text: string, form: "opened" | "as-is", { maxTokens }: EncodeOptions): number[] {
    // Encoding 1 MB blocks this thread for seconds, so what cannot fit is refused before.
    const numTokens = Math.ceil(Buffer.byteLength(text) / this.#files.vocabulary.maxTokenBytes);
    if (numTokens > maxTokens) throw new PromptTooLongError(numTokens, maxTokens);
    const { ids } = this.#encoder.encode(text, { add_special_tokens: form === "opened" });
    if (ids.length > maxTokens) throw new PromptTooLongError(ids.length, maxTokens);
    return ids;
  }
}

async function createEncoder({ tokenizer, config, addedTokens }: TokenizerFiles): Promise<Encoder> {
  const { Tokenizer: Encoder } = await import("@huggingface/tokenizers");
  const fields = Object.fromEntries(
    tokenizer.keys().map((key) => [key, tokenizer.get(key) ?? null]),
  );
  const added = [...addedTokens.values()].map((token) => token.fields);
  const settings = Object.fromEntries(config.keys().map((key) => [key, config.get(key)]));
  try {
    const encoder = new Encoder({ ...fields, added_tokens: added }, settings);
    encoder.encode("a"); // what a broken file breaks is found here, not by the first request
    return encoder;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${tokenizer.place} is not a tokenizer that can be used: ${reason}`);
  }
}

function decoderOf({ tokenizer }: TokenizerFiles) {
  const decoder = tokenizer.object("decoder");
  if (decoder === undefined) throw tokenizer.missing("decoder");
  return decoder;
}

function idOf(token: string | undefined, encoder: Encoder): number | undefined {
  return token === undefined ? undefined : encoder.token_to_id(token);
}
