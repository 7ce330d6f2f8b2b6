// Documents as texts for a grammar that fixes the order of keys: all orders are tried, as far as there are few.

const MAX_TEXTS = 5000;

/** Texts of `value` with the keys of each object in every order, up to a limit. */
export function* textsOf(value: unknown): Generator<string> {
  let count = 0;
  for (const text of variants(value)) {
    if (++count > MAX_TEXTS) return;
    yield text;
  }
}

function* variants(value: unknown): Generator<string> {
  if (Array.isArray(value))
    yield* joined(
      value.map((item) => () => variants(item)),
      "[]",
    );
  else if (typeof value === "object" && value !== null) {
    for (const order of orders(Object.entries(value))) {
      const members = order.map(
        ([key, member]) =>
          function* () {
            for (const text of variants(member)) yield `${JSON.stringify(key)}:${text}`;
          },
      );
      yield* joined(members, "{}");
    }
  } else yield numberOrText(value);
}

/** Numbers without an exponent, as a grammar with bounds writes them. */
function numberOrText(value: unknown): string {
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value).toString();
  return JSON.stringify(value);
}

function* joined(parts: readonly (() => Generator<string>)[], brackets: string): Generator<string> {
  for (const texts of product(parts)) yield `${brackets[0]}${texts.join()}${brackets[1]}`;
}

function* product(parts: readonly (() => Generator<string>)[]): Generator<readonly string[]> {
  const [first, ...rest] = parts;
  if (first === undefined) yield [];
  else for (const text of first()) for (const others of product(rest)) yield [text, ...others];
}

function* orders<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length <= 1) yield items;
  for (const [index, item] of items.entries()) {
    if (items.length <= 1) return;
    for (const rest of orders(items.toSpliced(index, 1))) yield [item, ...rest];
  }
}
