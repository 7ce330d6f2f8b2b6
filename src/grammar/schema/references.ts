// `$ref` inside one document: a JSON pointer from the root, or the name of an `$anchor`.

import { GrammarError } from "../grammar-error.ts";
import type { JsonNode } from "../ordered-json.ts";

export class References {
  readonly #root: JsonNode;
  #anchors: Map<string, JsonNode> | undefined;

  constructor(root: JsonNode) {
    this.#root = root;
  }

  resolve({ target, pointer }: { readonly target: string; readonly pointer: string }): JsonNode {
    const hash = target.indexOf("#");
    const base = hash < 0 ? target : target.slice(0, hash);
    if (base !== "" && base !== this.#rootId()) {
      throw new GrammarError(
        "grammar_unsupported",
        pointer,
        `$ref ${JSON.stringify(target)}: only references into the same schema are supported ("#/$defs/...")`,
      );
    }
    const fragment = decodePercent(hash < 0 ? "" : target.slice(hash + 1));
    const found =
      fragment?.startsWith("/") || fragment === "" ? this.#at(fragment) : this.#anchor(fragment);
    if (found === undefined) {
      throw new GrammarError(
        "grammar_invalid",
        pointer,
        `$ref ${JSON.stringify(target)} leads nowhere`,
      );
    }
    if (found.type === "object" || found.type === "boolean") return found;
    throw new GrammarError(
      "grammar_invalid",
      pointer,
      `$ref ${JSON.stringify(target)} leads to no schema`,
    );
  }

  #rootId(): string | undefined {
    const id = this.#root.type === "object" ? this.#root.members.get("$id") : undefined;
    return id?.type === "string" ? id.value : undefined;
  }

  #at(fragment: string): JsonNode | undefined {
    let node: JsonNode | undefined = this.#root;
    for (const token of fragment.split("/").slice(1)) {
      const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
      if (node?.type === "object") node = node.members.get(key);
      else if (node?.type === "array" && String(Number(key)) === key)
        node = node.items[Number(key)];
      else return undefined;
    }
    return node;
  }

  #anchor(name: string | undefined): JsonNode | undefined {
    if (this.#anchors === undefined) {
      this.#anchors = new Map();
      collectAnchors(this.#root, this.#anchors);
    }
    return name === undefined ? undefined : this.#anchors.get(name);
  }
}

/** Values of `const`, `enum` and the like are no schemas: an `$anchor` in them names nothing. */
const NO_SCHEMAS: ReadonlySet<string> = new Set([
  "const",
  "enum",
  "default",
  "examples",
  "example",
]);

function collectAnchors(node: JsonNode, anchors: Map<string, JsonNode>): void {
  if (node.type === "array") for (const item of node.items) collectAnchors(item, anchors);
  if (node.type !== "object") return;
  for (const keyword of ["$anchor", "$dynamicAnchor"]) {
    const name = node.members.get(keyword);
    if (name?.type === "string") anchors.set(name.value, node);
  }
  for (const [key, value] of node.members) if (!NO_SCHEMAS.has(key)) collectAnchors(value, anchors);
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
