// Texts in which none of some markers stands: what a model may say before a call, or while it thinks.

import type { ProgramBuilder } from "./program-builder.ts";

export interface TextWithout {
  readonly markers: readonly string[];
  /** A character of ASCII that does not come before all others but white space. */
  readonly notFirst?: string;
}

const SPACE = " \t\n\r";

/** A place in a text: what has come of a marker, and nothing else but white space so far. */
interface Place {
  readonly prefix: string;
  readonly isFirst: boolean;
}

/** Any bytes: an automaton of Aho and Corasick (1975) without its accepting states. */
export function textWithout(builder: ProgramBuilder, { markers, notFirst }: TextWithout): number {
  const spelled = markers.map((marker) => Buffer.from(marker, "utf8").toString("latin1"));
  const prefixes = prefixesOf(spelled);
  const places: Place[] = [{ prefix: "", isFirst: notFirst !== undefined }];
  const ids = new Map([[keyOf(places[0] as Place), 0]]);
  const edges: number[][] = [];
  for (let index = 0; index < places.length; index++) {
    const { prefix, isFirst } = places[index] as Place;
    const rangesOf = new Map<number, number[]>();
    for (let byte = 0; byte < 256; byte++) {
      const one = String.fromCharCode(byte);
      const next = longestPrefix(prefix + one, spelled, prefixes);
      if (next === undefined || (isFirst && one === notFirst)) continue;
      const place = { prefix: next, isFirst: isFirst && SPACE.includes(one) };
      const target = ids.get(keyOf(place)) ?? places.push(place) - 1;
      ids.set(keyOf(place), target);
      addByte(rangesOf, target, byte);
    }
    edges.push([...rangesOf].flatMap(([target, ranges]) => [builder.bytes(ranges), target]));
  }
  return builder.graph(
    edges,
    edges.map(() => true),
  );
}

function keyOf({ prefix, isFirst }: Place): string {
  return `${isFirst}${prefix}`;
}

function addByte(rangesOf: Map<number, number[]>, target: number, byte: number): void {
  const ranges = rangesOf.get(target) ?? [];
  if (ranges.at(-1) === byte - 1) ranges[ranges.length - 1] = byte;
  else ranges.push(byte, byte);
  rangesOf.set(target, ranges);
}

/** Beginnings of markers, a character a byte. */
function prefixesOf(markers: readonly string[]): ReadonlySet<string> {
  const all = new Set([""]);
  for (const marker of markers) {
    for (let length = 1; length < marker.length; length++) all.add(marker.slice(0, length));
  }
  return all;
}

/** The longest end of `text` that begins a marker; undefined if a marker ends here. */
function longestPrefix(
  text: string,
  markers: readonly string[],
  prefixes: ReadonlySet<string>,
): string | undefined {
  if (markers.some((marker) => text.endsWith(marker))) return undefined;
  for (let start = 0; start < text.length; start++) {
    if (prefixes.has(text.slice(start))) return text.slice(start);
  }
  return "";
}
