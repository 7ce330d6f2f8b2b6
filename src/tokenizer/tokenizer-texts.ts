// A tokenizer's files, written out as on the Hugging Face hub: `readTokenizerDirectory` reads the same from them.

import type { JsonObject } from "../model/json-object.ts";
import type { TokenizerFiles } from "./tokenizer-files.ts";

/** File name to its text. */
export function tokenizerTexts(files: TokenizerFiles): Readonly<Record<string, string>> {
  const { tokenizer, config, bosToken, eosToken, addBosToken, chatTemplate } = files;
  const { chat_template: _, ...settings } = fieldsOf(config);
  const written = {
    ...settings,
    ...(bosToken !== undefined && { bos_token: bosToken }),
    ...(eosToken !== undefined && { eos_token: eosToken }),
    add_bos_token: addBosToken,
  };
  return {
    "tokenizer.json": JSON.stringify(fieldsOf(tokenizer)),
    "tokenizer_config.json": JSON.stringify(written),
    ...(chatTemplate !== undefined && { "chat_template.jinja": chatTemplate.text }),
  };
}

function fieldsOf(json: JsonObject): Readonly<Record<string, unknown>> {
  return Object.fromEntries(json.keys().map((key) => [key, json.get(key) ?? null]));
}
