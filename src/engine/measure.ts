// Memory of a model, its KV blocks and a worker's engine, as the native library counts it: by the code
// that lays them out, before anything is opened.

import { ENGINE_SIZES, loadLibrary, MODEL_SIZES } from "./abi.ts";
import type { KvCacheDType } from "./kv-cache-dtype.ts";
import { type LoadOptions, openDevice } from "./load-model.ts";
import { engineConfig, poolConfig, type StepLimits } from "./native-configs.ts";
import { check, Handles } from "./native-handles.ts";
import { modelShape } from "./native-model.ts";
import { decode } from "./struct-layout.ts";

export interface MeasureOptions
  extends Pick<LoadOptions, "model" | "quantization" | "threads" | "device"> {
  readonly library: string;
  readonly limits: StepLimits;
  readonly blockSize: number;
  readonly kvCacheDType: KvCacheDType;
}

/** In bytes. */
export interface MeasuredSizes {
  /** The packed weights' image, shared by all workers. */
  readonly image: number;
  /** Bytes of one worker; pages that no step has touched take nothing. */
  readonly workspace: number;
  /** K and V of one block, in all layers. */
  readonly kvBlock: number;
}

/**
 * @throws {ModelNotLoadableError} a tensor is missing or of another shape than the config says
 * @throws {InvalidArgumentError} a limit that no engine could have
 * @throws {NativeLibraryError} the library cannot be loaded
 */
export function measure(options: MeasureOptions): MeasuredSizes {
  const { model, quantization, blockSize, kvCacheDType } = options;
  const handles = new Handles(loadLibrary(options.library), MEASURING_OWNER);
  const { native } = handles;
  try {
    const device = openDevice(handles, options);
    const { config, tensors, numTensors } = modelShape(model, quantization);
    const weights = new Uint8Array(MODEL_SIZES.size);
    const measured = native.modelMeasure(device, config, tensors, numTensors, weights);
    check(native, measured, `model ${model.path}`);
    // Only the pool's own size depends on how many blocks it has.
    const pool = poolConfig({ key: 0n, numBlocks: 1, blockSize, kvCacheDType });
    const limits = engineConfig(options.limits);
    const sizes = new Uint8Array(ENGINE_SIZES.size);
    const status = native.engineMeasure(device, config, tensors, numTensors, pool, limits, sizes);
    check(native, status, `engine of model ${model.path}`);
    const { workspace, kv_block: kvBlock } = decode(ENGINE_SIZES, sizes);
    return { image: decode(MODEL_SIZES, weights).image, workspace, kvBlock };
  } finally {
    handles.close();
  }
}

/** No worker has it, and nothing of it stays open. */
const MEASURING_OWNER = 2 ** 32 - 2;
