import { locateModel } from "../model/model-path.ts";
import { readGgufTokenizer } from "./gguf-tokenizer.ts";
import { readTokenizerDirectory, type TokenizerFiles } from "./tokenizer-files.ts";

/** Reads how a model's text becomes tokens, from its directory, its GGUF file or a packed image. Throws `ModelError`. */
export async function openTokenizer(model: string): Promise<TokenizerFiles> {
  const { format, path } = await locateModel(model);
  return format === "gguf" ? readGgufTokenizer(path) : readTokenizerDirectory(path);
}
