// The model that the executable carries (models/built-in). Embedded, its files can be listed and read whole, but
// have no descriptor; in development they are files of the repository.

import { join } from "node:path";

/** The name by which a configuration asks for it. A folder of this name is reached as ./built-in. */
export const BUILT_IN_MODEL = "built-in";

/** The name it is served as, besides what the configuration says. */
export const BUILT_IN_NAME = "dynamo";

/** Folder where Bun keeps what scripts/build.ts embeds. */
const EMBEDDED = "/$bunfs/root/";

export function builtInDirectory(): string {
  return Bun.isStandaloneExecutable
    ? join(EMBEDDED, BUILT_IN_MODEL)
    : join(import.meta.dir, "../../models/built-in");
}

export function isEmbedded(path: string): boolean {
  return path.startsWith(EMBEDDED);
}
