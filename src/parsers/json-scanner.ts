// Finds the end of one JSON value in a growing text. It judges brackets and strings, not numbers and commas: the text
// is handed on as the model wrote it.

type Status = "open" | "closed" | "broken";

export class JsonScanner {
  /** `broken`: a character that no JSON has there. */
  status: Status = "open";
  /** The brackets that are to close, the innermost last. */
  readonly #closers: string[] = [];
  #kind: "nested" | "string" | "scalar" | undefined;
  #inString = false;
  #isEscaped = false;

  /** Reads on, the first time from the value's first character. Returns the index behind what belongs to the value. */
  feed(text: string, from: number): number {
    let at = from;
    while (at < text.length && this.status === "open") {
      const char = text[at] ?? "";
      if (this.#kind === undefined) this.#begin(char);
      else if (this.#inString) this.#readInString(char);
      else if (this.#kind === "scalar") this.#readScalar(char);
      else this.#readNested(char);
      if (this.#isBehind) break;
      at++;
    }
    return at;
  }

  /** The character that was read is not the value's: it is no JSON, or ends a number or a word. */
  get #isBehind(): boolean {
    return this.status === "broken" || (this.#kind === "scalar" && this.status === "closed");
  }

  #begin(char: string): void {
    if (char === "{" || char === "[") {
      this.#kind = "nested";
      this.#closers.push(char === "{" ? "}" : "]");
    } else if (char === '"') {
      this.#kind = "string";
      this.#inString = true;
    } else if (/[-\w]/.test(char)) this.#kind = "scalar";
    else this.status = "broken";
  }

  #readInString(char: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (char === "\\") this.#isEscaped = true;
    else if (char === '"') {
      this.#inString = false;
      if (this.#kind === "string") this.status = "closed";
    }
  }

  #readScalar(char: string): void {
    if (!/[-+.\w]/.test(char)) this.status = "closed";
  }

  #readNested(char: string): void {
    if (char === '"') this.#inString = true;
    else if (char === "{") this.#closers.push("}");
    else if (char === "[") this.#closers.push("]");
    else if (char === "}" || char === "]") {
      if (this.#closers.pop() !== char) this.status = "broken";
      else if (this.#closers.length === 0) this.status = "closed";
    } else if (!/[-+.,:\w\s]/.test(char)) this.status = "broken";
  }
}
