// Texts that are looked for at each place of a longer one, by their code units.

/** Most nodes have one child, which needs no map. */
class Node<Value> {
  value: Value | undefined = undefined;
  #unit = -1;
  #child: Node<Value> | undefined = undefined;
  #others: Map<number, Node<Value>> | undefined = undefined;

  get(unit: number): Node<Value> | undefined {
    return unit === this.#unit ? this.#child : this.#others?.get(unit);
  }

  getOrAdd(unit: number): Node<Value> {
    const known = this.get(unit);
    if (known !== undefined) return known;
    const child = new Node<Value>();
    if (this.#child === undefined) {
      this.#unit = unit;
      this.#child = child;
    } else {
      this.#others ??= new Map();
      this.#others.set(unit, child);
    }
    return child;
  }
}

export interface Match<Value> {
  readonly end: number;
  readonly value: Value;
}

export class Trie<Value> {
  readonly #root = new Node<Value>();
  #isEmpty = true;
  /** 1 if a text begins with a code unit: most places are passed over by it. */
  readonly #begins = new Uint8Array(0x10000);

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Replaces the value of the same text. The empty text is left out: it is found nowhere. */
  set(text: string, value: Value): void {
    if (text === "") return;
    let node = this.#root;
    for (let at = 0; at < text.length; at++) node = node.getOrAdd(text.charCodeAt(at));
    node.value = value;
    this.#begins[text.charCodeAt(0)] = 1;
    this.#isEmpty = false;
  }

  /** The first place from `at` on where a text may begin; the end of `within` if there is none. 1 ns a character. */
  nextBegin(within: string, at: number): number {
    let next = at;
    while (next < within.length && this.#begins[within.charCodeAt(next)] === 0) next++;
    return next;
  }

  /** The longest text that stands at `at` and ends at `limit` or before. */
  longestAt(within: string, at: number, limit = within.length): Match<Value> | undefined {
    let node = this.#root.get(within.charCodeAt(at));
    let end = at + 1;
    let found: Value | undefined;
    let foundEnd = 0;
    for (; node !== undefined && end <= limit; end++) {
      if (node.value !== undefined) {
        found = node.value;
        foundEnd = end;
      }
      node = end < within.length ? node.get(within.charCodeAt(end)) : undefined;
    }
    return found === undefined ? undefined : { end: foundEnd, value: found };
  }

  /** Visits all texts that stand at `at`, the shortest first. */
  eachAt(within: string, at: number, visit: (end: number, value: Value) => void): void {
    let node = this.#root.get(within.charCodeAt(at));
    for (let end = at + 1; node !== undefined; end++) {
      if (node.value !== undefined) visit(end, node.value);
      node = end < within.length ? node.get(within.charCodeAt(end)) : undefined;
    }
  }
}
