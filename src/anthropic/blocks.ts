// The content of a message of Anthropic's: a text, or a list of blocks.

import type { Fields, Place } from "../door/fields.ts";

/** Blocks of a message, and of a tool's result. */
const MAX_BLOCKS = 16_384;

/** Blocks of a message, a text as one. */
export function blocksOf(content: Place): readonly Fields[] {
  const must = "must be a string or a list of blocks";
  return content.list(MAX_BLOCKS, must).map((block) => block.fields());
}

/** Text of a string, or of blocks of text. */
export function textOf(content: Place): string {
  if (content.isString) return content.string();
  return blocksOf(content)
    .map((block) => textBlock(block, block.required("type")))
    .join("\n");
}

/** The text of a block that has one: `text`, `document` of text, `search_result`. */
export function textBlock(block: Fields, type: Place): string {
  block.pass("cache_control", "citations", "title", "context", "source");
  const text = (() => {
    switch (type.string()) {
      case "text":
        return block.required("text").string();
      case "document":
        return documentText(block);
      case "search_result":
        return textOf(block.required("content"));
      case "tool_reference":
        return block.required("tool_name").string();
      default:
        throw type.wrong("must be text: this server reads no other kind of block here");
    }
  })();
  block.close();
  return text;
}

function documentText(block: Fields): string {
  const source = block.required("source").fields();
  const type = source.required("type");
  source.pass("media_type");
  if (type.value === "content") return textOf(source.required("content"));
  if (type.value !== "text") throw type.wrong("must be text: this server reads no other document");
  return source.required("data").string();
}
