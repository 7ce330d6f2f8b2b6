// The device that a worker service computes on: what `device` names, or the first GPU where one is there and can.

import { DynamoError } from "../../base/error.ts";
import { CPU, gpuFacts } from "../device.ts";
import { NoDeviceError } from "../native-handles.ts";
import type { ChosenDevice, EngineKeys } from "./engine-keys.ts";
import { checkFits, type Demand, planMemory } from "./memory-budget.ts";

export interface DeviceDemand extends Demand {
  /** GPUs that each worker asks for: `ServiceArgs.resources.gpu`. */
  readonly gpusPerWorker?: number | undefined;
}

export const ON_CPU: ChosenDevice = { device: CPU };

/**
 * Looks for the device. Without a driver, `auto` is the CPU and no more than that.
 *
 * @throws {DeviceUnavailableError} `device` names a GPU that cannot compute this, or fewer are there than asked for
 */
export function chooseDevice(config: EngineKeys, demand: DeviceDemand): ChosenDevice {
  const ordinal = ordinalOf(config.device);
  if (ordinal === undefined) return ON_CPU;
  const isAsked = config.device !== "auto";
  try {
    const gpu = gpuFacts(demand.library, ordinal);
    checkCount(demand, gpu.ordinal);
    const onGpu = { ...demand, gpu };
    checkFits(planMemory(config, onGpu), config, onGpu);
    return { device: { kind: "cuda", ordinal }, gpu };
  } catch (error) {
    if (!(error instanceof DynamoError) || error instanceof DeviceUnavailableError) throw error;
    if (isAsked) throw new DeviceUnavailableError(demand.service, config.device, error.message);
    if (error instanceof NoDeviceError) return ON_CPU;
    return { device: CPU, because: error.message };
  }
}

/** undefined for a CPU. */
function ordinalOf(device: string): number | undefined {
  if (device === "cpu") return undefined;
  const [, ordinal = "0"] = device.split(":");
  return Number(ordinal);
}

/** All workers of a service compute on one GPU and share its weights, but what they ask for must be there. */
function checkCount(demand: DeviceDemand, first: number): void {
  const { gpusPerWorker, numWorkers, library, service } = demand;
  if (gpusPerWorker === undefined) return;
  const asked = gpusPerWorker * numWorkers;
  const found = countGpus(library, first + asked);
  if (found - first >= asked) return;
  throw new DeviceUnavailableError(
    service,
    `${asked} (ServiceArgs.resources.gpu ${gpusPerWorker} x ${numWorkers} workers)`,
    `${found} GPUs are visible to this process; lower resources.gpu, or list more in CUDA_VISIBLE_DEVICES`,
  );
}

/** GPUs that the process sees, `most` at most. */
function countGpus(library: string, most: number): number {
  for (let ordinal = 0; ordinal < most; ordinal++) {
    try {
      gpuFacts(library, ordinal);
    } catch (error) {
      if (error instanceof DynamoError) return ordinal;
      throw error;
    }
  }
  return most;
}

/** The GPU that was asked for cannot do it. */
export class DeviceUnavailableError extends DynamoError {
  override readonly code = "device_unavailable";

  constructor(service: string, device: string, reason: string) {
    super(`${service} asks for device ${device}: ${reason}. Or set ${service}.device to cpu`);
  }
}

/** The one line on a GPU that cannot. */
export function toldOf(because: string): string {
  return `the CPU computes, since the GPU cannot: ${because}`;
}
