// All filters by name: filled by filters.ts, and read by those that take another's name.

import type { Scope } from "./scope.ts";
import type { Arguments } from "./values.ts";

export type Filter = (value: unknown, given: Arguments, scope: Scope) => unknown;

export const FILTER_TABLE: Record<string, Filter> = Object.create(null);
