// The model that the executable carries (models/built-in). Embedded, its files can be listed and read whole, but
// have no descriptor; in development they are files of the repository.

import { join } from "node:path";

/** What a configuration says to get it. A folder of this name is reached as ./built-in. */
export const BUILT_IN_MODEL = "built-in";

/** What it is served as, besides what the configuration says. */
export const BUILT_IN_NAME = "dynamo";

/** Where Bun keeps what scripts/build.ts embeds. */
const EMBEDDED = "/$bunfs/root/";

export function builtInDirectory(): string {
  return Bun.isStandaloneExecutable
    ? join(EMBEDDED, BUILT_IN_MODEL)
    : join(import.meta.dir, "../../models/built-in");
}

export function isEmbedded(path: string): boolean {
  return path.startsWith(EMBEDDED);
}
