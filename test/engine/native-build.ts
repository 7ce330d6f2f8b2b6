// Where the native build is, for tests that need it and skip, by name, where it is not there.

import { existsSync } from "node:fs";
import { join } from "node:path";

export const builtLibrary = join(import.meta.dir, "../../native/build/libdynamo_engine.so");
export const isBuilt = existsSync(builtLibrary);
