// Place of the engine's library. In development it is the file that CMake built. In the executable
// it is embedded, and the system can only load it from a file: it is written to one that exists in
// memory only, so nothing is extracted and neither TMPDIR nor a noexec mount matters.

import { readFileSync } from "node:fs";

// @ts-expect-error TypeScript knows no .so; with type "file" the import is its path, also embedded.
import builtPath from "#engine-library" with { type: "file" };
import { createMemoryFile } from "./memory-file.ts";

const libraryPath: string = builtPath;

let publishedPath: string | undefined;

/**
 * A path under which every thread of this process can load the library. To be called by the main thread only, and
 * the same at each call: the threads share one instance because they load one file.
 */
export function publishNativeLibrary(): string {
  if (!Bun.isStandaloneExecutable) return libraryPath;
  publishedPath ??= publishInMemory(readFileSync(libraryPath));
  return publishedPath;
}

/** Makes `bytes` loadable; the file stays open as long as the process lives. */
export function publishInMemory(bytes: Uint8Array): string {
  return `/proc/self/fd/${createMemoryFile("libdynamo_engine.so", bytes)}`;
}
