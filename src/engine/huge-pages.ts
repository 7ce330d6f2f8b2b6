import { readFileSync } from "node:fs";

/** Bytes of the mapping at `address` that lie in huge pages now, as the system counts them; undefined if it does not tell. */
export function hugePageBytes(address: number, smaps = "/proc/self/smaps"): number | undefined {
  let isThere = false;
  let bytes: number | undefined;
  for (const line of readLines(smaps)) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range) {
      if (isThere) return bytes;
      isThere = parseInt(range[1] ?? "", 16) <= address && address < parseInt(range[2] ?? "", 16);
      continue;
    }
    const kilobytes = /^(?:AnonHugePages|ShmemPmdMapped|FilePmdMapped): +(\d+) kB/.exec(line)?.[1];
    if (isThere && kilobytes !== undefined) bytes = (bytes ?? 0) + 1024 * Number(kilobytes);
  }
  return bytes;
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (error) {
    if (error instanceof Error && "syscall" in error) return []; // no such file, or a sandbox
    throw error;
  }
}
