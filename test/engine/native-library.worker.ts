// A thread that loads the library and opens a device with as many compute threads as its owner's number.

import { Isa, loadLibrary, Status } from "../../src/engine/abi.ts";
import { openCpu } from "./native-build.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<{ library: string; owner: number }>) => {
  const native = loadLibrary(data.library);
  const { owner } = data;
  const status = openCpu(native, { owner, numThreads: owner, isa: Isa.ANY }, new BigUint64Array(1));
  self.postMessage(status === Status.OK ? "open" : "refused");
};
