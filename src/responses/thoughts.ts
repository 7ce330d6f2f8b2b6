// A reasoning item: what the model thought. Clients that keep their conversation themselves send it back, and some of
// them keep of it only `encrypted_content`, so the text is in there too. It is not encrypted: it is the client's own.

import type { Fields, Place } from "../door/fields.ts";
import { MAX_ITEMS } from "./limits.ts";

const MARK = "dynamo1.";

/** The text of a reasoning item that a client sends back. "" for one of another server. */
export function thoughtsOf(item: Fields): string {
  const content = textsOf(item.list("content", MAX_ITEMS), "reasoning_text");
  const summary = textsOf(item.list("summary", MAX_ITEMS), "summary_text");
  const sealed = item.at("encrypted_content");
  if (content !== "" || summary !== "") return content || summary;
  return sealed === undefined ? "" : unsealed(sealed);
}

/** As `encrypted_content`. */
export function sealed(thoughts: string): string {
  return MARK + Buffer.from(thoughts).toString("base64");
}

function unsealed(place: Place): string {
  const text = place.string();
  if (text.startsWith(MARK)) return Buffer.from(text.slice(MARK.length), "base64").toString();
  place.ignore();
  return "";
}

function textsOf(parts: readonly Place[], type: string): string {
  return parts
    .map((part) => {
      const fields = part.fields();
      const kind = fields.required("type");
      const isText = kind.value === type || kind.value === "text";
      if (!isText) throw kind.wrong(`must be ${type}`, "invalid_value");
      return fields.required("text").string();
    })
    .join("\n");
}
