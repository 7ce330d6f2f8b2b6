// Opening what lies at a path that others can write to. A pipe keeps its reader waiting for a writer, a device may
// have no end, or do something when it is opened.

import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";

import { DynamoError } from "./error.ts";

/** For `open`: does not wait, should the path have become a pipe since it was looked at. */
export const READ_WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK;

/** A descriptor of the regular file at `path`, for reading. Throws what the system says, or `NotRegularFileError`. */
export function openRegularFile(path: string): number {
  if (!statSync(path).isFile()) throw new NotRegularFileError(path);
  const fd = openSync(path, READ_WITHOUT_WAITING);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new NotRegularFileError(path);
}

export class NotRegularFileError extends DynamoError {
  override readonly code = "not_a_regular_file";

  constructor(path: string) {
    super(`${path} is not a regular file`);
  }
}
