// Finds stop strings in a growing text, and holds back what could still become one.
//
// The stop string that is complete first ends the text; of several that end at the same character, the
// longest. So the outcome does not depend on how the text was cut into pieces. One Knuth-Morris-Pratt
// automaton for each stop string: linear time, and no regular expression made of a client's text.

export class StopMatcher {
  readonly #stops: readonly string[];
  /** By stop string: `failures[n - 1]` is the longest border of its first n characters. */
  readonly #failures: readonly Int32Array[];
  /** By stop string: how many of its characters the text now ends with. */
  readonly #matched: Int32Array;
  #held = "";
  #found: string | undefined;

  constructor(stops: readonly string[]) {
    // Text is made of whole characters: half a surrogate pair can never be found in it.
    this.#stops = stops.filter((stop) => stop !== "" && stop.isWellFormed());
    this.#failures = this.#stops.map(failureTable);
    this.#matched = new Int32Array(this.#stops.length);
  }

  /** True if a stop string has come. Nothing is found or returned after that. */
  get stopped(): boolean {
    return this.#found !== undefined;
  }

  /** The stop string that has come. */
  get found(): string | undefined {
    return this.#found;
  }

  /** Adds text and returns what can be shown now: no character of a stop string ever is. */
  push(text: string): string {
    if (this.#stops.length === 0 || this.stopped) return this.stopped ? "" : text;
    for (let index = 0; index < text.length; index++) {
      const stopLength = this.#step(text.charCodeAt(index));
      if (stopLength === 0) continue;
      const shown = this.#held + text.slice(0, index + 1);
      this.#found = shown.slice(-stopLength);
      return this.#release(shown, stopLength);
    }
    return this.#release(this.#held + text, this.#longestBegun());
  }

  /** The text has ended: what was held back is no stop string. */
  finish(): string {
    return this.stopped ? "" : this.#release(this.#held, 0);
  }

  /** Reads one code unit. Returns the length of the longest stop string that it completes, or 0. */
  #step(unit: number): number {
    let longest = 0;
    for (let k = 0; k < this.#stops.length; k++) {
      const stop = this.#stops[k] ?? "";
      const matched = advance(stop, this.#failures[k], this.#matched[k] ?? 0, unit);
      this.#matched[k] = matched;
      if (matched === stop.length && matched > longest) longest = matched;
    }
    return longest;
  }

  #longestBegun(): number {
    let longest = 0;
    for (let k = 0; k < this.#matched.length; k++) {
      longest = Math.max(longest, this.#matched[k] ?? 0);
    }
    return longest;
  }

  /** Keeps the last `numHeld` characters back and returns those before. */
  #release(text: string, numHeld: number): string {
    this.#held = text.slice(text.length - numHeld);
    return text.slice(0, text.length - numHeld);
  }
}

/** How much of `stop` the text ends with, after one more code unit. Amortised constant time. */
function advance(
  stop: string,
  failures: Int32Array | undefined,
  matchedBefore: number,
  unit: number,
): number {
  let matched = matchedBefore;
  while (matched > 0 && stop.charCodeAt(matched) !== unit) matched = failures?.[matched - 1] ?? 0;
  return stop.charCodeAt(matched) === unit ? matched + 1 : 0;
}

function failureTable(stop: string): Int32Array {
  const failures = new Int32Array(stop.length);
  for (let index = 1; index < stop.length; index++) {
    failures[index] = advance(stop, failures, failures[index - 1] ?? 0, stop.charCodeAt(index));
  }
  return failures;
}
