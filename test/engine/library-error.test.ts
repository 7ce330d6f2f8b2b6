import { expect, test } from "bun:test";

import { libraryError, loadLibrary } from "../../src/engine/abi.ts";

const BEGIN = "the engine's library cannot be loaded: ";

test("a library that does not load is told in words, with what to do", () => {
  for (const [reason, words] of [
    [
      "bun:ffi requires the JIT",
      "this process may make no machine code, for want of address space (ulimit -v) or since a sandbox forbids it. Raise the limit " +
        "(ulimit -v unlimited; in systemd LimitAS=infinity), allow memory that is written and executed (in systemd " +
        "MemoryDenyWriteExecute=no), or serve the engine that only takes time: -f configs/mock.yaml",
    ],
    [
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found (required by /proc/self/fd/9)",
      "this system's C library is older than glibc 2.28; update the system, or run dynamo in a container of a newer one",
    ],
    [
      "/proc/self/fd/9: failed to map segment from shared object",
      "there is no memory or address space left for it. Raise the limits (ulimit -v unlimited), or end what fills the memory",
    ],
    [
      "/proc/self/fd/9: cannot open shared object file: Permission denied",
      "the system forbids to run code from a file in memory. Allow memfd_create and executable mappings in the sandbox",
    ],
    ["no idea", "no idea. Build or copy the executable again"],
  ] as const) {
    const error = libraryError(new Error(reason));
    expect(error.message).toBe(BEGIN + words);
    expect(error.code).toBe("native_library");
  }
});

test("a file that is no library is such an error, and not a crash", () => {
  expect(() => loadLibrary(import.meta.path)).toThrow(BEGIN);
});
