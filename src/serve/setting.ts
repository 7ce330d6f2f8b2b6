// A key of a configuration with what was written for it, and where. It carries its place through all that is made of
// it, so that a fault that is found late still points at the text.

import type { Span } from "./config-error.ts";
import type { Path } from "./path.ts";
import { keyText, type PythonDict, type PythonKey, type PythonValue } from "./python-value.ts";

export interface Setting {
  /** As written. An item of a list has its index. */
  readonly key: PythonKey;
  /** Service, key, and on into maps and lists. */
  readonly path: Path;
  readonly value: PythonValue;
  readonly keySpan: Span | undefined;
  readonly valueSpan: Span | undefined;
  /** Settings inside of a map or a list. */
  readonly items: readonly Setting[];
}

export function dictOf(items: readonly Setting[]): PythonDict {
  return new Map(items.map(({ key, value }) => [key, value]));
}

/** Place of the value at `path` inside of `setting`, or of the nearest thing around it. */
export function valueSpanIn(setting: Setting | undefined, path: Path = []): Span | undefined {
  return wayTo(setting, path).findLast(({ valueSpan }) => valueSpan)?.valueSpan;
}

/** Likewise its key. */
export function keySpanIn(setting: Setting | undefined, path: Path = []): Span | undefined {
  return wayTo(setting, path).findLast(({ keySpan }) => keySpan)?.keySpan;
}

/** The settings on the way to `path`, as far as there are any. */
function wayTo(setting: Setting | undefined, path: Path): readonly Setting[] {
  if (setting === undefined) return [];
  const [part, ...rest] = path;
  const next = setting.items.find(({ key }) => keyText(key) === part);
  return [setting, ...wayTo(next, rest)];
}

/** A configuration's text, read. */
export interface SettingsDocument {
  /** Has no key; its value is the whole. */
  readonly root: Setting;
  /** Keys that one map has twice. Python, and so `root`, takes the last. */
  readonly repeated: readonly RepeatedKey[];
}

export interface RepeatedKey {
  readonly path: Path;
  readonly first: Span;
  readonly again: Span;
}
