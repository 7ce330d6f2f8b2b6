// A flag merged into the section of its service: maps deeply, anything else replaced. Values that it sets have
// the flag as their place; those beside keep the file's.

import type { Override } from "./override.ts";
import { canonicalKey, type Path, SERVICE_ARGS } from "./path.ts";
import { isDict, keyText, type PythonKey, type PythonValue } from "./python-value.ts";
import { dictOf, type Setting } from "./setting.ts";

/** `section` is undefined where the service has none yet. */
export function mergeOverride(section: Setting | undefined, override: Override): Setting {
  const [service = "", ...keys] = override.path;
  return setIn(section ?? emptyMap([service], service, override), keys, override);
}

/** `keys` lead from `setting` to what is set. */
function setIn(setting: Setting, keys: Path, override: Override): Setting {
  const [part = "", ...rest] = keys;
  const items = isDict(setting.value) ? setting.items : [];
  const form = hasTwoSpellings(setting.path) ? canonicalKey : (key: string) => key;
  const old = items.find(({ key }) => form(keyText(key)) === form(part));
  const key = old?.key ?? part; // the spelling that the file has stays
  const path = [...setting.path, keyText(key)];
  const next =
    rest.length > 0
      ? setIn(old ?? emptyMap(path, key, override), rest, override)
      : merge(old, { key, path, value: override.value, ...spansAt(path, override) });
  return withItem({ ...setting, items }, next);
}

/** A service's own keys and those of its ServiceArgs do; keys inside other maps are themselves. */
function hasTwoSpellings(path: Path): boolean {
  return path.length === 1 || (path.length === 2 && path[1] === SERVICE_ARGS);
}

function emptyMap(path: Path, key: PythonKey, override: Override): Setting {
  return { key, path, value: new Map(), ...spansAt(path, override), items: [] };
}

function spansAt(path: Path, { keySpans, valueSpan }: Override) {
  return { keySpan: keySpans[path.length - 1] ?? valueSpan, valueSpan };
}

type Given = Omit<Setting, "items">;

function merge(old: Setting | undefined, given: Given): Setting {
  const { value, path, valueSpan } = given;
  if (!isDict(value)) return { ...given, items: [] };
  const kept = old && isDict(old.value) ? old.items : [];
  let merged: Setting = { ...given, value: dictOf(kept), items: kept };
  for (const [key, item] of value) {
    const inside = { key, path: [...path, keyText(key)], value: item as PythonValue };
    const before = kept.find((one) => one.key === key);
    merged = withItem(merged, merge(before, { ...inside, keySpan: valueSpan, valueSpan }));
  }
  return merged;
}

/** In the place of the item of its key, or last. */
function withItem(setting: Setting, item: Setting): Setting {
  const isThere = setting.items.some(({ key }) => key === item.key);
  const items = isThere
    ? setting.items.map((one) => (one.key === item.key ? item : one))
    : [...setting.items, item];
  return { ...setting, value: dictOf(items), items };
}
