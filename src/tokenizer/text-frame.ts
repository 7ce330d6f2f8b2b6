// The tokens that open and end a text.

import type { Tokenizer as Library } from "@huggingface/tokenizers";

import { ModelError } from "../model/model-files.ts";
import type { TokenizerFiles } from "./tokenizer-files.ts";

export interface TextFrame {
  readonly opening: readonly number[];
  readonly ending: readonly number[];
  readonly bosId: number | undefined;
}

/** No token is spelled like it. */
const TEXT = "\u0000text\u0000";

export function textFrameOf(files: TokenizerFiles, library: Library): TextFrame {
  const processed = library.post_processor?.([TEXT], null, true).tokens ?? [TEXT];
  const at = processed.indexOf(TEXT);
  if (at < 0) throw new ModelError(`${files.tokenizer.place}: post_processor leaves out the text`);
  const idOf = (token: string) => library.token_to_id(token) ?? [];
  const opening = processed.slice(0, at).flatMap(idOf);
  const ending = processed.slice(at + 1).flatMap(idOf);
  const bosId = files.bosToken === undefined ? undefined : library.token_to_id(files.bosToken);
  const isMissing = files.addBosToken && bosId !== undefined && opening[0] !== bosId;
  return { opening: isMissing ? [bosId, ...opening] : opening, ending, bosId };
}

/** The token that opens a text is left out where the text itself begins with it; what a text has is never taken. */
export function addFrame(text: Int32Array, { opening, ending, bosId }: TextFrame): Int32Array {
  const isOpened = bosId !== undefined && opening.at(-1) === bosId && text[0] === bosId;
  const before = isOpened ? opening.slice(0, -1) : opening;
  const framed = new Int32Array(before.length + text.length + ending.length);
  framed.set(before);
  framed.set(text, before.length);
  framed.set(ending, before.length + text.length);
  return framed;
}
