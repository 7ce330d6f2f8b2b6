// Loads a model's weights into the native library: packed from its files, read from the cache or from an image; and
// packs a model for an image.

import { assert } from "../base/assert.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import type { ModelFiles } from "../model/model-files.ts";
import {
  type Address,
  DEVICE_FACTS,
  DeviceKind,
  Isa,
  loadLibrary,
  MODEL_PROGRESS,
  mapMemory,
  Status,
  ThreadsBy,
  WeightsSource,
} from "./abi.ts";
import { CPU, type Device, openDeviceOf } from "./device.ts";
import { hugePageBytes } from "./huge-pages.ts";
import { check, Handles, InvalidArgumentError } from "./native-handles.ts";
import {
  ModelNotLoadableError,
  type ModelTable,
  type OnlineQuantization,
  withModelTable,
} from "./native-model.ts";
import { decode, textAt } from "./struct-layout.ts";
import { cacheName, type ImageSource, type WeightCache } from "./weight-cache.ts";

export interface LoadOptions {
  readonly model: ModelFiles;
  /** Default: the CPU. */
  readonly device?: Device | undefined;
  readonly quantization?: OnlineQuantization;
  /** Compute threads of the process, the same for every worker; undefined is one per CPU. */
  readonly threads: number | undefined;
  /** Way to use packed weights where there is a file of them: mapped, or read (default). */
  readonly access?: "map" | "read";
  /** Cache that keeps packed weights from one start to the next, and who minds what is written there afterwards. */
  readonly cache?: WeightCache;
  readonly follow?: (work: Promise<void>) => void;
  /** Called while the weights are loaded. */
  readonly onProgress?: (numBytesDone: number, numBytes: number) => void;
  readonly onLoaded?: (facts: LoadedFacts) => void;
  readonly clock?: Clock;
  /** Called with the packed weights; they are there as long as the handles. */
  readonly onImage?: (image: ImageSource) => void;
}

export interface LoadedFacts {
  /** A GPU's name; undefined for the CPU. */
  readonly gpu: string | undefined;
  /** The CPU's instruction set, as `Isa` names it; undefined for a GPU. */
  readonly isa: string | undefined;
  readonly numThreads: number;
  /** Reason for their number, as `ThreadsBy` names it. */
  readonly threadsBy: string;
  /** Packed from the model's files, or packed before: in the cache, or in the image that was given. */
  readonly from: "model" | "cache" | "image";
  readonly imageBytes: number;
  /** How much of that lies in huge pages; undefined if the system does not tell. */
  readonly hugePageBytes: number | undefined;
}

/** A packed image chooses the instruction set that it was packed for. */
export function openDevice(
  handles: Handles,
  {
    threads,
    device = CPU,
    model: { path, packed },
  }: Pick<LoadOptions, "threads" | "model" | "device">,
): Address {
  if (device.kind !== "cpu") {
    if (packed === undefined) return openDeviceOf(handles, device, { threads });
    throw new InvalidArgumentError(
      `${path} is packed for a CPU (${packed.isa}), and a GPU reads the model as it was before: serve that`,
    );
  }
  const isa = packed === undefined ? Isa.ANY : numberIn(Isa, packed.isa);
  try {
    if (isa === undefined) throw new InvalidArgumentError("no such instruction set");
    return openDeviceOf(handles, device, { threads, isa });
  } catch (error) {
    if (packed === undefined || !(error instanceof InvalidArgumentError)) throw error;
    throw new ModelNotLoadableError(
      `${path} is packed for ${packed.isa}, which this process cannot use (${error.message}); pack the model for this machine: dynamo pack MODEL OUT, or with --isa`,
    );
  }
}

/** Describes the device. Throws `ModelNotLoadableError` for an image that another version has packed. */
export function describeDevice(
  { native }: Handles,
  device: Address,
  { path, packed }: Pick<ModelFiles, "path" | "packed">,
) {
  const bytes = new Uint8Array(DEVICE_FACTS.size);
  check(native, native.deviceDescribe(device, bytes), "device");
  const facts = decode(DEVICE_FACTS, bytes);
  const name = textAt(DEVICE_FACTS, bytes, "name");
  if (packed && packed.packVersion !== facts.pack_version) {
    throw new ModelNotLoadableError(
      `${path} has weights in form ${packed.packVersion}, and this version of dynamo has form ${facts.pack_version}: pack the model again`,
    );
  }
  return { ...facts, name };
}

/** The model's handle, loaded, and the key that says which model it is. */
export async function loadModel(
  handles: Handles,
  device: Address,
  options: LoadOptions,
): Promise<[Address, bigint]> {
  const { model, quantization, access = "read" } = options;
  const { native, owner } = handles;
  const { packed } = model;
  const facts = describeDevice(handles, device, model);
  const { isa, pack_version: packVersion } = facts;
  const isGpu = facts.kind === DeviceKind.CUDA;
  const open = (table: ModelTable, cacheFd: number | undefined) =>
    handles.open(
      `model ${model.path}`,
      (out) => {
        const { config, ropeFrequencies, tensors, numTensors } = table;
        const { modelOpen } = native;
        const fd = table.imageFd ?? cacheFd ?? NO_FILE;
        return modelOpen(device, owner, config, ropeFrequencies, tensors, numTensors, fd, out);
      },
      native.modelClose,
    );
  const cache = packed ? undefined : options.cache;
  const [weights, key, name] = withModelTable(model, { quantization, access }, (table) => {
    const name = cacheName(model.path, [table.key, isa, packVersion]);
    const handle = cache ? cache.withFile(name, (fd) => open(table, fd)) : open(table, undefined);
    return [handle, table.key, name];
  });
  const progress = await untilLoaded(handles, weights, options);
  const isCached = progress.source === WeightsSource.CACHED;
  options.onLoaded?.({
    gpu: isGpu ? facts.name : undefined,
    isa: isGpu ? undefined : nameIn(Isa, isa),
    numThreads: facts.num_threads,
    threadsBy: nameIn(ThreadsBy, facts.threads_by),
    from: packed ? "image" : isCached ? "cache" : "model",
    imageBytes: progress.num_bytes,
    hugePageBytes: hugePageBytes(progress.image),
  });
  options.onImage?.(imageOf(handles, progress));
  if (cache && progress.opener === owner) {
    const work = isCached ? cache.touch(name) : cache.save(name, imageOf(handles, progress));
    options.follow?.(work);
  }
  return [weights, key];
}

const NO_FILE = -1;
/** Between two looks at what else the thread has to do. */
const LOAD_SLICE_US = 50_000;

async function untilLoaded(
  { native }: Handles,
  weights: Address,
  { model, clock = systemClock, onProgress }: LoadOptions,
): Promise<Record<keyof typeof MODEL_PROGRESS.types, number>> {
  const bytes = new Uint8Array(MODEL_PROGRESS.size);
  for (;;) {
    const status = native.modelWait(weights, LOAD_SLICE_US, bytes);
    const progress = decode(MODEL_PROGRESS, bytes);
    if (status !== Status.TIMEOUT) {
      check(native, status, `model ${model.path}`);
      return progress;
    }
    onProgress?.(progress.num_bytes_done, progress.num_bytes);
    await clock.turn();
  }
}

/** The packed weights, for as long as the runner is open. */
function imageOf(
  handles: Handles,
  { image, num_bytes: numBytes }: Record<"image" | "num_bytes", number>,
): ImageSource {
  return {
    numBytes,
    read: (offset, length) => new Uint8Array(mapMemory(image + offset, length)),
    isGone: () => handles.isClosed,
  };
}

function numberIn(numbers: Record<string, number>, wanted: string): number | undefined {
  return numbers[wanted.toUpperCase().replaceAll("-", "_")];
}

function nameIn(numbers: Record<string, number>, wanted: number): string {
  const name = Object.entries(numbers).find(([, number]) => number === wanted)?.[0] ?? "unknown";
  return name.toLowerCase().replaceAll("_", "-");
}

export interface PackOptions extends Pick<LoadOptions, "model" | "quantization" | "onProgress"> {
  readonly library: string;
  /** The instruction set to pack for, as `Isa` names it. Default: the best of this machine. */
  readonly isa: string | undefined;
}

export interface PackedImage {
  readonly isa: string;
  readonly packVersion: number;
  readonly key: bigint;
  readonly image: ImageSource;
}

/** Packs a model's weights, and hands them to `use` for as long as that takes. */
export async function withPackedImage<T>(
  options: PackOptions,
  use: (image: PackedImage) => Promise<T>,
): Promise<T> {
  const { library, isa: name, ...others } = options;
  const handles = new Handles(loadLibrary(library), PACKING_OWNER);
  const isa = name === undefined ? Isa.ANY : numberIn(Isa, name);
  if (isa === undefined) throw new InvalidArgumentError(`there is no instruction set ${name}`);
  try {
    const device = openDeviceOf(handles, CPU, { isa });
    let source: ImageSource | undefined;
    const [, key] = await loadModel(handles, device, {
      ...others,
      threads: undefined,
      onImage: (image) => {
        source = image;
      },
    });
    const { isa: used, pack_version: packVersion } = describeDevice(handles, device, others.model);
    assert(source !== undefined, "a model that is loaded has an image");
    return await use({ isa: nameIn(Isa, used), packVersion, key, image: source });
  } finally {
    handles.close();
  }
}

/** No actor has it. */
export const PACKING_OWNER = 2 ** 32 - 1;
