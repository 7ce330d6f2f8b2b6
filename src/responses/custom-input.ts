// The input of a custom tool is free text. Models call functions, so such a tool is shown to them as a function with
// one string, `input`; here that string is read from the arguments while they come.

import { parseObject } from "../door/tool-arguments.ts";
import type { ToolDefinition } from "../protocol/chat.ts";

/** Parameters that the model is shown. */
export const CUSTOM_PARAMETERS: NonNullable<ToolDefinition["parameters"]> = {
  type: "object",
  properties: { input: { type: "string" } },
  required: ["input"],
};

/** Arguments of a call whose input was `input`. */
export function customArguments(input: string): string {
  return JSON.stringify({ input });
}

const OPENING = /^\s*\{\s*"input"\s*:\s*"/;
/** No more text before the input's quote than this; arguments that have it are of another shape. */
const MAX_OPENING = 64;
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" },
};

export class CustomInput {
  /** The arguments so far. */
  #text = "";
  /** Behind what was read of the input; undefined before it has begun. */
  #at: number | undefined;
  #isDone = false;
  #input = "";

  /** All that was given out. */
  get input(): string {
    return this.#input;
  }

  /** More of the arguments; gives the input's text that they bring. */
  add(more: string): string {
    this.#text += more;
    if (this.#at === undefined && this.#text.length - more.length < MAX_OPENING) {
      const opening = OPENING.exec(this.#text);
      if (opening) this.#at = opening[0].length;
    }
    return this.#give(this.#read());
  }

  /** The arguments have ended. Text that is no object with `input` first is taken as it is. */
  end(): string {
    if (this.#at !== undefined) return "";
    const input = parseObject(this.#text)?.["input"];
    return this.#give(typeof input === "string" ? input : this.#text);
  }

  #give(text: string): string {
    this.#input += text;
    return text;
  }

  /** From where it stands to the closing quote, or to an escape that has not come whole. */
  #read(): string {
    if (this.#at === undefined || this.#isDone) return "";
    let out = "";
    let at = this.#at;
    // Half of a surrogate pair waits for its other half.
    let [whole, wholeAt] = [out, at];
    while (at < this.#text.length) {
      const char = this.#text[at] ?? "";
      if (char === '"') {
        this.#isDone = true;
        break;
      }
      const step = char === "\\" ? this.#escape(at) : ([char, 1] as const);
      if (!step) break;
      out += step[0];
      at += step[1];
      if (!isHalf(step[0])) [whole, wholeAt] = [out, at];
    }
    this.#at = wholeAt;
    return whole;
  }

  /** The character of the escape at `at`, and its length; undefined until it has come whole. */
  #escape(at: number): readonly [string, number] | undefined {
    const kind = this.#text[at + 1];
    if (kind === undefined) return undefined;
    if (kind !== "u") return [ESCAPES[kind] ?? kind, 2];
    const digits = this.#text.slice(at + 2, at + 6);
    if (digits.length < 4) return undefined;
    return [String.fromCharCode(Number.parseInt(digits, 16) || 0), 6];
  }
}

function isHalf(char: string): boolean {
  return /^[\ud800-\udbff]$/.test(char);
}
