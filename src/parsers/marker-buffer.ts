// Text that grows piece by piece, and is taken marker by marker: how it is cut into pieces changes nothing.

/** More white space than this is no format's: waiting for its end would cost more with each piece. */
export const MAX_SPACE = 1024;

export interface Taken {
  /** Text before the marker, or text that can be no part of one. */
  readonly before: string;
  readonly marker: string | undefined;
}

export class MarkerBuffer {
  #text = "";

  push(text: string): void {
    this.#text += text;
  }

  /** Text that is not taken yet. */
  get rest(): string {
    return this.#text;
  }

  /** Takes the first `length` characters. */
  take(length: number): string {
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }

  takeAll(): string {
    return this.take(this.#text.length);
  }

  /** Takes white space, and returns it. */
  takeSpace(): string {
    return this.take(this.#text.length - this.#text.trimStart().length);
  }

  /** Takes up to the first of `markers` and the marker; if none has come, all but what may become one. */
  takeTo(markers: readonly string[]): Taken {
    let at = this.#text.length;
    let found: string | undefined;
    for (const marker of markers) {
      const index = this.#text.indexOf(marker);
      if (index >= 0 && index < at) [at, found] = [index, marker];
    }
    if (found === undefined) {
      return { before: this.take(at - begunLength(this.#text, markers)), marker: undefined };
    }
    const before = this.take(at);
    this.take(found.length);
    return { before, marker: found };
  }
}

/** How many characters at the end of `text` begin one of `markers`. */
function begunLength(text: string, markers: readonly string[]): number {
  let longest = 0;
  for (const marker of markers) {
    let length = Math.min(text.length, marker.length - 1);
    while (length > longest && !text.endsWith(marker.slice(0, length))) length--;
    longest = Math.max(longest, length);
  }
  return longest;
}
