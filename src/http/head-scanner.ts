// Finds the end of a head that arrives piece by piece. Each byte is looked at once, and a head that will not become a
// request is refused as soon as that is known.

import { malformed } from "./fault.ts";
import { checkMethodStart, checkRequestLine } from "./request-head.ts";

const CR = 0x0d;
const LF = 0x0a;

export class HeadScanner {
  #numSeen = 0;
  #lineStart = 0;

  /**
   * `bytes`: the head so far, what earlier calls were given included. Returns the length of the head without its empty
   * line, or `undefined` while it is not whole. Throws `HttpFault`.
   */
  scan(bytes: Buffer): number | undefined {
    if (this.#numSeen === 0 && bytes.length > 0) checkMethodStart(bytes.toString("latin1", 0, 1));
    for (;;) {
      const lineEnd = bytes.indexOf(LF, this.#numSeen) - 1;
      if (lineEnd < -1) break;
      if (bytes[lineEnd] !== CR) throw malformed("A line of the head has a bare line end.");
      if (lineEnd === this.#lineStart) return lineEnd - 2;
      if (this.#lineStart === 0) checkRequestLine(bytes.toString("latin1", 0, lineEnd));
      this.#lineStart = lineEnd + 2;
      this.#numSeen = this.#lineStart;
    }
    this.#numSeen = bytes.length;
    return undefined;
  }
}
