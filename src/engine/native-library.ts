// Where the engine's library is. In development it is the file that CMake built. In the executable
// it is embedded, and the system can only load it from a file: it is written to one that exists in
// memory only, so nothing is extracted and neither TMPDIR nor a noexec mount matters.

import { dlopen, FFIType, ptr } from "bun:ffi";
import { readFileSync, writeSync } from "node:fs";

// @ts-expect-error TypeScript knows no .so; with type "file" the import is its path, also embedded.
import builtPath from "../../native/build/libdynamo_engine.so" with { type: "file" };
import { NativeLibraryError } from "./abi.ts";

const libraryPath: string = builtPath;

const MFD_CLOEXEC = 1; // children of this process do not get the file

/**
 * A path under which every thread of this process can load the library. To be called once in a
 * process, by the main thread: the threads share one instance because they load one file.
 */
export function publishNativeLibrary(): string {
  if (!Bun.isStandaloneExecutable) return libraryPath;
  return publishInMemory(readFileSync(libraryPath));
}

/** Writes `bytes` to a file in memory, which stays open as long as the process lives. */
export function publishInMemory(bytes: Uint8Array): string {
  const fd = createMemoryFile("libdynamo_engine.so");
  let numWritten = 0;
  while (numWritten < bytes.length) numWritten += writeSync(fd, bytes, numWritten);
  return `/proc/self/fd/${fd}`;
}

function createMemoryFile(name: string): number {
  const libc = dlopen("libc.so.6", {
    memfd_create: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  });
  const fd = libc.symbols.memfd_create(ptr(Buffer.from(`${name}\0`)), MFD_CLOEXEC);
  libc.close();
  if (fd < 0) {
    throw new NativeLibraryError(
      "the system gives no file in memory for the engine's library (memfd_create): Linux 3.17 is needed, and a sandbox must allow it",
    );
  }
  return fd;
}
