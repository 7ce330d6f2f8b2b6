// Targets of a loop or `set`: a name, a namespace's field, or several of them.

import type { Scope } from "./scope.ts";
import { itemsOf, Namespace, RenderError } from "./values.ts";

export type Target =
  | { readonly name: string; readonly field?: string }
  | { readonly items: readonly Target[] };

export function assignerOf(target: Target): (scope: Scope, value: unknown) => void {
  if ("items" in target) return unpacking(target.items.map(assignerOf));
  const { name, field } = target;
  if (field === undefined) return (scope, value) => void scope.vars.set(name, value);
  return (scope, value) => {
    const space = scope.get(name);
    if (!(space instanceof Namespace))
      throw new RenderError("cannot assign attribute on non-namespace object");
    space.fields.set(field, value);
  };
}

function unpacking(assigners: readonly ((scope: Scope, value: unknown) => void)[]) {
  return (scope: Scope, value: unknown) => {
    const items = itemsOf(value);
    if (items.length !== assigners.length) {
      throw new RenderError(
        `${items.length} values cannot be unpacked into ${assigners.length} names`,
      );
    }
    for (const [index, assign] of assigners.entries()) assign(scope, items[index]);
  };
}
