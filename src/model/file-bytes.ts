// Reading parts of a file that may be shorter than it says.

import { ModelError } from "./model-files.ts";
import { type OpenFile, openFile, unreadable } from "./model-path.ts";

export interface FileRange {
  readonly path: string;
  readonly offset: number;
  readonly numBytes: number;
}

/** Opens the file, reads the whole range, and closes it; or throws. */
export async function readRange(range: FileRange): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openFile(range.path);
  if (file === undefined) throw new ModelError(`${range.path} is missing`);
  try {
    return await readBytes(file, range);
  } finally {
    await file.close();
  }
}

/** Reads the whole range, or throws. */
export async function readBytes(
  file: OpenFile,
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

async function read(file: OpenFile, path: string, into: Uint8Array, position: number) {
  try {
    return await file.read(into, 0, into.length, position);
  } catch (error) {
    throw unreadable(path, error);
  }
}
