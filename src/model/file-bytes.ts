// Reading parts of a file that may be shorter than it says.

import type { FileHandle } from "node:fs/promises";

import { ModelError } from "./model-error.ts";
import { unreadable } from "./model-path.ts";

export interface FileRange {
  readonly path: string;
  readonly offset: number;
  readonly numBytes: number;
}

/** Reads the whole range, or throws. */
export async function readBytes(
  file: FileHandle,
  range: FileRange,
): Promise<Uint8Array<ArrayBuffer>> {
  const { path, offset, numBytes } = range;
  const bytes = new Uint8Array(numBytes);
  let done = 0;
  while (done < numBytes) {
    const { bytesRead } = await read(file, path, bytes.subarray(done), offset + done);
    if (bytesRead === 0) throw cutShort(path, offset + numBytes, offset + done);
    done += bytesRead;
  }
  return bytes;
}

export function cutShort(path: string, expected: number, found: number): ModelError {
  return new ModelError(
    `${path} is cut short: it has ${found} bytes of ${expected}; download it again`,
  );
}

async function read(file: FileHandle, path: string, into: Uint8Array, position: number) {
  try {
    return await file.read(into, 0, into.length, position);
  } catch (error) {
    throw unreadable(path, error);
  }
}
