import { isAbsolute, join } from "node:path";

import type { Environment } from "./engine-keys.ts";

/** By the XDG base directory specification, version 0.8: a path that is not absolute is ignored. */
export function cacheDirectory(environment: Environment): string | undefined {
  const { XDG_CACHE_HOME: caches, HOME: home } = environment;
  if (caches !== undefined && isAbsolute(caches)) return join(caches, "dynamo");
  return home !== undefined && isAbsolute(home) ? join(home, ".cache", "dynamo") : undefined;
}
