import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import * as v from "valibot";
import { VllmWorkerConfig } from "../../../src/components/worker/config.ts";
import { gpuFacts } from "../../../src/engine/device.ts";
import { chooseDevice } from "../../../src/engine/open/choose-device.ts";
import { openModel } from "../../../src/model/open-model.ts";
import { builtLibrary, isBuilt } from "../native-build.ts";

const model = join(import.meta.dir, "../../../models/built-in");

async function choose(device: string, library = builtLibrary, gpusPerWorker?: number) {
  const config = v.parse(VllmWorkerConfig, { model, device });
  const files = await openModel(model);
  const demand = { service: "VllmWorker", numWorkers: 1, freeBytes: 1e9, model: files };
  return chooseDevice(config, { ...demand, library, gpusPerWorker });
}

function hasGpu(): boolean {
  try {
    gpuFacts(builtLibrary, 0);
    return true;
  } catch {
    return false;
  }
}

describe("the key device", () => {
  test.each(["auto", "cpu", "cuda", "cuda:0", "cuda:15"])("takes %s", (device) => {
    expect(v.parse(VllmWorkerConfig, { model, device }).device).toBe(device);
  });

  test.each(["gpu", "cuda:", "cuda:-1", "cuda:1000", "CUDA", "cpu:0"])("refuses %s", (device) => {
    expect(v.safeParse(VllmWorkerConfig, { model, device }).success).toBe(false);
  });

  test("is auto where it is not given", () => {
    expect(v.parse(VllmWorkerConfig, { model }).device).toBe("auto");
  });
});

test("cpu looks for no driver: the library is not even loaded", async () => {
  expect(await choose("cpu", "/nowhere/lib.so")).toEqual({ device: { kind: "cpu" } });
});

describe.skipIf(!isBuilt || hasGpu())("without a GPU (needs `npm run build`)", () => {
  test("auto is the CPU, and there is nothing to tell", async () => {
    expect(await choose("auto")).toEqual({ device: { kind: "cpu" } });
    expect(await choose("auto", builtLibrary, 8)).toEqual({ device: { kind: "cpu" } });
  });

  test("cuda is an error that says why, and what else there is", () => {
    expect(choose("cuda")).rejects.toThrow(
      /VllmWorker asks for device cuda: GPU 0: .*(NVIDIA|CUDA).*Or set VllmWorker\.device to cpu/,
    );
  });
});
