// Makes a packed image of a model: packs its weights, and puts beside them all else that it takes to serve them. The
// directory is made under another name and renamed when all of it is on the disk.

import { existsSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { DynamoError } from "../../base/error.ts";
import { describeWriteError, systemCode } from "../../base/system-error.ts";
import type { OnlineQuantization } from "../../engine/native-model.ts";
import { writeImage } from "../../engine/weight-cache.ts";
import { PACKED_CARD } from "../../model/model-path.ts";
import { openModel } from "../../model/open-model.ts";
import { PACKED_WEIGHTS, packedCard } from "../../model/packed-model.ts";
import { openTokenizer } from "../../tokenizer/open-tokenizer.ts";
import { tokenizerTexts } from "../../tokenizer/tokenizer-texts.ts";

export interface PackModelOptions {
  readonly model: string;
  readonly out: string;
  readonly quantization: OnlineQuantization;
  /** Default: this machine's best. */
  readonly isa: string | undefined;
  /** Path of the engine's library; see native-library.ts. */
  readonly library: string;
  readonly onProgress?: (numBytesDone: number, numBytes: number) => void;
}

export interface PackedModel {
  /** Absolute path of the image. */
  readonly path: string;
  readonly isa: string;
  readonly bytes: number;
}

/** Throws `ModelError` for a model that cannot be served, and `OutputError` for an output that cannot be made. */
export async function packModel(options: PackModelOptions): Promise<PackedModel> {
  const { quantization, library, isa, onProgress } = options;
  const out = resolve(options.out);
  await checkFree(out);
  const model = await openModel(options.model);
  if (model.packed) throw new OutputError(`${model.path} is packed already; copy it`);
  const texts = tokenizerTexts(await openTokenizer(options.model));
  const { withPackedImage } = await import("../../engine/load-model.ts");
  const loading = { model, quantization, library, isa, ...(onProgress && { onProgress }) };
  return withPackedImage(loading, async ({ image, ...facts }) => {
    const card = packedCard(model, { ...facts, source: basename(model.path), quantization });
    const part = `${out}.${process.pid}.part`;
    await removeStaleParts(out);
    try {
      await mkdir(part, { recursive: true });
      for (const [name, text] of Object.entries({ ...texts, [PACKED_CARD]: card })) {
        await write(join(part, name), (file) => file.writeFile(text).then(() => file.sync()));
      }
      await write(join(part, PACKED_WEIGHTS), (file) => writeImage(file, image));
      await sync(part);
      await rename(part, out);
      await sync(dirname(out));
    } catch (error) {
      await rm(part, { recursive: true, force: true });
      if (systemCode(error) === undefined) throw error;
      throw new OutputError(`${out} cannot be written: ${describeWriteError(error)}`);
    }
    return { path: out, isa: facts.isa, bytes: image.numBytes };
  });
}

type File = Awaited<ReturnType<typeof open>>;

async function write(path: string, action: (file: File) => Promise<void>): Promise<void> {
  const file = await open(path, "wx", 0o644);
  try {
    await action(file);
  } finally {
    await file.close();
  }
}

/** So that names in it are there after a loss of power. */
async function sync(directory: string): Promise<void> {
  const file = await open(directory, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function checkFree(out: string): Promise<void> {
  const names = await readdir(out).catch((error: unknown) => {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") return [];
    const isFile = code === "ENOTDIR" && existsSync(out);
    throw new OutputError(
      `${out} cannot be made: ${isFile ? "it is a file" : describeWriteError(error)}`,
    );
  });
  if (names.length > 0) {
    throw new OutputError(`${out} is there and not empty; give the name of a new directory`);
  }
}

/** Removes parts of an image of this name that a killed process has left. */
async function removeStaleParts(out: string): Promise<void> {
  const names = await readdir(dirname(out)).catch(() => []); // made below, or refused there
  for (const name of names) {
    const pid = name.startsWith(`${basename(out)}.`) ? /\.(\d+)\.part$/.exec(name)?.[1] : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(dirname(out), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

/** The output cannot be made. The message says why. */
class OutputError extends DynamoError {
  override readonly code = "output";
}
