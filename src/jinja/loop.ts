// `loop`, inside of a loop's body.

import { type Arguments, areEqual, Callable, RenderError, Undefined } from "./values.ts";

interface Turn {
  readonly items: readonly unknown[];
  readonly index: number;
  readonly depth: number;
  /** The last arguments of `loop.changed`; shared by the loop's turns. */
  readonly changes: unknown[];
  /** The loop once more with other items, if it is recursive. */
  readonly again: ((items: unknown) => string) | undefined;
}

export function loopFields({ items, index, depth, changes, again }: Turn): Callable {
  const { length } = items;
  const neighbour = (at: number, message: string) =>
    at in items ? items[at] : new Undefined(message);
  const fields = new Map<string, unknown>([
    ["index", index + 1],
    ["index0", index],
    ["revindex", length - index],
    ["revindex0", length - index - 1],
    ["first", index === 0],
    ["last", index === length - 1],
    ["length", length],
    ["depth", depth + 1],
    ["depth0", depth],
    ["previtem", neighbour(index - 1, "there is no previous item")],
    ["nextitem", neighbour(index + 1, "there is no next item")],
    ["cycle", new Callable("cycle", ({ list }) => list[index % list.length])],
    ["changed", new Callable("changed", ({ list }) => hasChanged(changes, list))],
  ]);
  return new Callable(
    "loop",
    ({ list }: Arguments) => {
      if (again === undefined) throw new RenderError("the loop is not marked as recursive");
      return again(list[0]);
    },
    fields,
  );
}

function hasChanged(changes: unknown[], list: readonly unknown[]): boolean {
  const isSame = changes.length > 0 && areEqual(changes[0], [...list]);
  changes[0] = [...list];
  return !isSame;
}
