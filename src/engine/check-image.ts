// Checks that a packed image can be served here: asked before any thread starts, and before its weights are read.

import { closeSync } from "node:fs";

import { NotRegularFileError, openRegularFile } from "../base/regular-file.ts";
import { describeSystemError, systemCode } from "../base/system-error.ts";
import type { ModelFiles } from "../model/model-files.ts";
import { loadLibrary } from "./abi.ts";
import { describeDevice, openDevice, PACKING_OWNER } from "./load-model.ts";
import { Handles } from "./native-handles.ts";
import { ModelNotLoadableError } from "./native-model.ts";

/** Holds nothing afterwards. Throws `ModelNotLoadableError`; a model that is no image passes. */
export function checkImage(library: string, model: ModelFiles): void {
  if (model.packed === undefined) return;
  checkFile(model.packed.path);
  const handles = new Handles(loadLibrary(library), PACKING_OWNER);
  try {
    const device = openDevice(handles, { model, threads: 1 });
    describeDevice(handles, device, model);
  } finally {
    handles.close();
  }
}

/** Its bytes are checked as they are read. */
function checkFile(path: string): void {
  try {
    closeSync(openRegularFile(path));
  } catch (error) {
    if (error instanceof NotRegularFileError) throw new ModelNotLoadableError(error.message);
    if (systemCode(error) === undefined) throw error;
    throw new ModelNotLoadableError(
      `${path}, the weights of the image, cannot be read: ${describeSystemError(error)}`,
    );
  }
}
