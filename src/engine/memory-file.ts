// Files that exist in memory only, for what is embedded in the executable and has to be a file for others: the
// engine's library, whose loader wants a path, and the built-in model, whose reader wants a descriptor.

import { dlopen, FFIType, ptr } from "bun:ffi";
import { closeSync, writeSync } from "node:fs";

import { describeWriteError } from "../base/system-error.ts";
import { libraryError, NativeLibraryError } from "./abi.ts";

const MFD_CLOEXEC = 1; // children of this process do not get the file

/** A descriptor of a new file that holds `bytes`. The file goes when the last descriptor of it is closed. */
export function createMemoryFile(name: string, bytes: Uint8Array): number {
  const libc = openLibc();
  const fd = libc.symbols.memfd_create(ptr(Buffer.from(`${name}\0`)), MFD_CLOEXEC);
  libc.close();
  if (fd < 0) {
    throw new NativeLibraryError(
      "the system gives no file in memory (memfd_create): Linux 3.17 is needed, and a sandbox must allow it",
    );
  }
  try {
    let numWritten = 0;
    while (numWritten < bytes.length) numWritten += writeSync(fd, bytes, numWritten);
  } catch (error) {
    closeSync(fd);
    throw new NativeLibraryError(
      `a file in memory of ${bytes.length} bytes cannot be written: ${describeWriteError(error)}; it counts as memory, and to ulimit -f`,
    );
  }
  return fd;
}

function openLibc() {
  try {
    return dlopen("libc.so.6", {
      memfd_create: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    });
  } catch (error) {
    throw libraryError(error);
  }
}
