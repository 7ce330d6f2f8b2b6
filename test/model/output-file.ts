// Files written piece by piece, larger than what memory should hold.

import { closeSync, openSync, writeSync } from "node:fs";

import { alignUp } from "./gguf-writer.ts";

export class OutputFile {
  readonly #fd: number;
  #position = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) done += writeSync(this.#fd, bytes, done);
    this.#position += bytes.length;
  }

  /** Zeros up to the next multiple of `alignment`. */
  align(alignment: number): void {
    this.write(new Uint8Array(alignUp(this.#position, alignment) - this.#position));
  }
}

/** Hands `use` a new file at `path`. */
export function writeFile(path: string, use: (file: OutputFile) => void): void {
  const fd = openSync(path, "w");
  try {
    use(new OutputFile(fd));
  } finally {
    closeSync(fd);
  }
}
