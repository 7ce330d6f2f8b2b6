// A thread that loads the library and opens a device with as many compute threads as its owner's number.

import { Isa, loadLibrary, Status } from "../../src/engine/abi.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<{ library: string; owner: number }>) => {
  const native = loadLibrary(data.library);
  const status = native.deviceOpen(data.owner, data.owner, Isa.ANY, new BigUint64Array(1));
  self.postMessage(status === Status.OK ? "open" : "refused");
};
