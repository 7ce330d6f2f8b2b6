// The device of a worker service and its model, for the main thread: before any worker starts.

import { DynamoError } from "../../base/error.ts";
import { openModel } from "../../model/open-model.ts";
import { chooseDevice, type DeviceDemand, DeviceUnavailableError } from "./choose-device.ts";
import type { ChosenDevice, EngineKeys } from "./engine-keys.ts";
import { withImage } from "./with-image.ts";

/** undefined where the model cannot be opened: its worker says why. */
export async function deviceOf(
  config: EngineKeys,
  demand: Omit<DeviceDemand, "model">,
): Promise<ChosenDevice | undefined> {
  try {
    const model = await openModel(config.model);
    return chooseDevice(withImage(config, model), { ...demand, model });
  } catch (error) {
    if (error instanceof DynamoError && !(error instanceof DeviceUnavailableError))
      return undefined;
    throw error;
  }
}
