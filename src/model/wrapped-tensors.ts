// The tensors of a text model that is a part of a larger one, by the names that they have in a file of their own.

import type { Wrapper } from "./families/family.ts";
import type { StoredTensor } from "./model-files.ts";

/** Leaves the other parts' tensors out; all of them where there is no wrapper. */
export function textTensors(
  stored: ReadonlyMap<string, StoredTensor>,
  wrapper: Wrapper | undefined,
): ReadonlyMap<string, StoredTensor> {
  if (wrapper === undefined) return stored;
  const tensors = new Map<string, StoredTensor>();
  for (const tensor of stored.values()) {
    if (wrapper.others.some((beginning) => tensor.name.startsWith(beginning))) continue;
    const name = textName(tensor.name, wrapper);
    tensors.set(name, { ...tensor, name });
  }
  return tensors;
}

function textName(name: string, { prefixes }: Wrapper): string {
  const prefix = Object.keys(prefixes).find((beginning) => name.startsWith(beginning));
  return prefix === undefined ? name : `${prefixes[prefix]}${name.slice(prefix.length)}`;
}
