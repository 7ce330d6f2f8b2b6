// Bytes that no node of a program tells apart are one class, so a table of transitions has a column a class.

import type { GrammarNode, GrammarProgram } from "./program.ts";

export interface ByteClasses {
  readonly count: number;
  readonly classOf: Uint8Array;
  /** A byte of the class. */
  readonly byteOf: Uint8Array;
  /** How many bytes a class has. */
  readonly sizeOf: Uint16Array;
  /** True if the byte at `index` of a literal, or a byte set, takes the class. */
  takes(node: number, index: number, byteClass: number): boolean;
}

export function byteClasses({ nodes }: GrammarProgram): ByteClasses {
  const begins = new Uint8Array(257);
  for (const node of nodes) markBounds(node, begins);
  const classOf = new Uint8Array(256);
  const sizeOf = new Uint16Array(256);
  const byteOf = new Uint8Array(256);
  let count = 0;
  for (let byte = 0; byte < 256; byte++) {
    if (byte > 0 && begins[byte] === 1) count++;
    classOf[byte] = count;
    byteOf[count] = byte;
    sizeOf[count] = (sizeOf[count] ?? 0) + 1;
  }
  count++;
  return {
    count,
    classOf,
    byteOf: byteOf.slice(0, count),
    sizeOf: sizeOf.slice(0, count),
    takes(id, index, byteClass) {
      const node = nodes[id];
      const byte = byteOf[byteClass] ?? 0;
      if (node?.type === "literal") return node.bytes[index] === byte;
      return node?.type === "bytes" && contains(node.ranges, byte);
    },
  };
}

function markBounds(node: GrammarNode, begins: Uint8Array): void {
  if (node.type === "literal") {
    for (const byte of node.bytes) {
      begins[byte] = 1;
      begins[byte + 1] = 1;
    }
  } else if (node.type === "bytes") {
    for (const [index, bound] of node.ranges.entries())
      begins[index % 2 === 0 ? bound : bound + 1] = 1;
  }
}

function contains(ranges: readonly number[], byte: number): boolean {
  for (let index = 0; index < ranges.length; index += 2) {
    if (byte >= (ranges[index] ?? 256) && byte <= (ranges[index + 1] ?? -1)) return true;
  }
  return false;
}
