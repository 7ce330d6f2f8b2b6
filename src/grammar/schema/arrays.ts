import type { SchemaContext } from "./context.ts";
import type { Facts, Schema } from "./facts.ts";

/** Arrays under `facts`: items of given places first, then any number of others. */
export function arrayNode(facts: readonly Facts[], context: SchemaContext): number {
  const { builder, space } = context;
  const min = Math.max(0, ...facts.map(({ minItems }) => minItems));
  const max = Math.min(...facts.map(({ maxItems }) => maxItems), Number.POSITIVE_INFINITY);
  if (min > max) return builder.never;
  const numPlaces = Math.min(
    max,
    Math.max(0, ...facts.map(({ prefixItems }) => prefixItems.length)),
  );
  const comma = builder.sequence([space, builder.text(","), space]);
  const item = (index: number) => context.value(itemSchemas(facts, index));

  // State i: i items have been written.
  const edges: number[][] = [];
  const accepting: boolean[] = [];
  const place = (index: number) => builder.sequence([index === 0 ? space : comma, item(index)]);
  for (let index = 0; index < numPlaces; index++) {
    edges.push([place(index), index + 1]);
    accepting.push(index >= min);
  }
  const rest = { min: Math.max(0, min - numPlaces), max: max - numPlaces };
  if (rest.max === 0) edges.push([]);
  else if (numPlaces > 0)
    edges.push([builder.repeat(builder.sequence([comma, item(numPlaces)]), rest), numPlaces + 1]);
  else {
    const others = builder.repeat(builder.sequence([comma, item(0)]), {
      min: Math.max(0, rest.min - 1),
      max: rest.max - 1,
    });
    edges.push([builder.sequence([space, item(0), others]), 1]);
  }
  accepting.push(min <= numPlaces);
  if (rest.max > 0) {
    edges.push([]);
    accepting.push(true);
  }
  const items = builder.graph(edges, accepting);
  return builder.sequence([builder.text("["), items, space, builder.text("]")]);
}

function itemSchemas(facts: readonly Facts[], index: number): readonly Schema[] {
  return facts.flatMap(({ prefixItems, items }) => {
    const schema = prefixItems[index] ?? items;
    return schema === undefined ? [] : [schema];
  });
}
