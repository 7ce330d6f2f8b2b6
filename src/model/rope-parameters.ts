// The rotary embedding of config.json: base and scaling. transformers 4 writes `rope_theta` and `rope_scaling`;
// transformers 5 one object `rope_parameters`, or one for each type of layer inside of it. The engine knows one for all.

import { FACTOR } from "./config-rules.ts";
import type { JsonObject } from "./json-object.ts";
import { type ModelConfig, ModelError } from "./model-files.ts";
import { parseRopeScaling } from "./rope-scaling.ts";
import { isPlainObject, within } from "./value-schemas.ts";

export type Rotary = Pick<ModelConfig, "ropeTheta" | "ropeScaling">;

/** The default of transformers' LlamaConfig and its like. */
const DEFAULT_THETA = 10000;

/** `layerTypes`: of the layers that the model has, where the configuration says. */
export function parseRotary(json: JsonObject, layerTypes: readonly string[] | undefined): Rotary {
  const parameters = json.object("rope_parameters");
  const scaling = json.object("rope_scaling");
  const ofLayers = [parameters, scaling].flatMap((rope) => ropeOfLayers(rope, layerTypes));
  const [first, ...others] = ofLayers.map((rope) => rotaryOf(rope, json));
  const other = others.findIndex((rotary) => !Bun.deepEquals(rotary, first));
  if (other >= 0) {
    const [place, otherPlace] = [ofLayers[0]?.place, ofLayers[other + 1]?.place];
    throw new ModelError(
      `${otherPlace} differs from ${place}; supported: one rotary embedding for all layers`,
    );
  }
  return first ?? { ropeTheta: thetaOf(json) ?? DEFAULT_THETA, ropeScaling: undefined };
}

/** The object itself, or those inside of it, of each type of layer that the model has. */
function ropeOfLayers(
  rope: JsonObject | undefined,
  layerTypes: readonly string[] | undefined,
): readonly JsonObject[] {
  if (rope === undefined) return [];
  const nested = rope.keys().filter((key) => isPlainObject(rope.get(key)));
  if (nested.length === 0) return [rope];
  const stray = rope.keys().find((key) => !nested.includes(key) && rope.get(key) !== undefined);
  if (stray !== undefined) {
    throw new ModelError(`${rope.place}: ${stray} stands beside the parameters of types of layers`);
  }
  return [...new Set(layerTypes ?? nested)].map((type) => {
    const ofType = rope.object(type);
    if (ofType !== undefined) return ofType;
    throw rope.missing(type);
  });
}

function rotaryOf(rope: JsonObject, json: JsonObject): Rotary {
  const [own, top] = [thetaOf(rope), thetaOf(json)];
  if (own !== undefined && top !== undefined && own !== top) {
    throw new ModelError(
      `${rope.place}: rope_theta is ${own}, and ${top} in ${json.place} itself; remove the one that is wrong`,
    );
  }
  return { ropeTheta: own ?? top ?? DEFAULT_THETA, ropeScaling: parseRopeScaling(rope) };
}

function thetaOf(json: JsonObject): number | undefined {
  return json.read("rope_theta", within(FACTOR));
}
