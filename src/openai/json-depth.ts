/** Whether `text`, which may be no JSON at all, nests lists and objects deeper than `maxDepth`. */
export function isDeeperThan(maxDepth: number, text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = endOfString(text, at);
        break;
      case "[":
      case "{":
        if (++depth > maxDepth) return true;
        break;
      case "]":
      case "}":
        depth--;
    }
  }
  return false;
}

/** The index of the quote that ends the string whose first quote is at `start`; the text's end if none does. */
function endOfString(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let numBackslashes = 0;
    while (text[end - 1 - numBackslashes] === "\\") numBackslashes++;
    if (numBackslashes % 2 === 0) return end;
  }
}
