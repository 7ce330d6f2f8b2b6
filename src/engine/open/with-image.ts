// A packed image is of weights that are what they are: the configuration follows it.

import { DynamoError } from "../../base/error.ts";
import type { ModelFiles } from "../../model/model-files.ts";
import type { EngineKeys } from "./engine-keys.ts";

/** Throws `invalid_config` where a key wants what only packing could do. */
export function withImage(config: EngineKeys, { path, packed }: ModelFiles): EngineKeys {
  if (packed === undefined) return config;
  const { quantization } = config;
  if (quantization !== undefined && quantization !== packed.quantization) {
    throw new PackedOtherwiseError(
      `VllmWorker.quantization is ${quantization}, and the weights in ${path} are packed ` +
        `${packed.quantization ?? "as they were stored"}; leave the key out, or pack the model with --quantization ${quantization}`,
    );
  }
  return { ...config, quantization: packed.quantization };
}

class PackedOtherwiseError extends DynamoError {
  override readonly code = "invalid_config";
}
