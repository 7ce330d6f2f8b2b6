// Functions that every template has: Jinja's, and the two that transformers adds.

import { strftime } from "./formats.ts";
import { textOf } from "./text.ts";
import { type Arguments, Callable, itemsOf, Namespace, numberOf, RenderError } from "./values.ts";

/** As Jinja's sandbox has it. */
const MAX_RANGE = 100_000;

export function globalsOf(): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(FUNCTIONS).map(([name, call]) => [name, new Callable(name, call)]));
}

const FUNCTIONS: Readonly<Record<string, (given: Arguments) => unknown>> = {
  range: ({ list }) => range(list.map(numberOf)),
  dict: dictOf,
  namespace: (given) => new Namespace(dictOf(given)),
  raise_exception: ({ list: [message] }) => {
    throw new RenderError(textOf(message));
  },
  strftime_now: ({ list: [pattern] }) => strftime(textOf(pattern)),
  joiner: ({ list: [separator = ", "] }) => {
    let isUsed = false;
    return new Callable("joiner", () => {
      const text = isUsed ? separator : "";
      isUsed = true;
      return text;
    });
  },
  cycler: ({ list }) => cycler(list),
};

function range(numbers: readonly number[]): number[] {
  const [start = 0, stop = 0, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
  if (step === 0) throw new RenderError("range() arg 3 must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE) throw new RangeError(`a range of ${length} is longer than ${MAX_RANGE}`);
  return Array.from({ length }, (_, index) => start + index * step);
}

function dictOf({ list, named }: Arguments): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (const given of list) {
    if (given instanceof Map) for (const [key, field] of given) map.set(key, field);
    else for (const pair of itemsOf(given)) map.set(itemsOf(pair)[0], itemsOf(pair)[1]);
  }
  for (const [key, field] of named) map.set(key, field);
  return map;
}

function cycler(items: readonly unknown[]): Callable {
  let at = 0;
  const next = new Callable("next", () => items[at++ % items.length]);
  const reset = new Callable("reset", () => {
    at = 0;
    return null;
  });
  return new Callable(
    "cycler",
    () => null,
    new Map([
      ["next", next],
      ["reset", reset],
    ]),
  );
}
