// The rotary embedding of config.json: base and scaling. transformers 4 writes `rope_theta` and `rope_scaling`;
// transformers 5 one object `rope_parameters`, or one for each type of layer inside of it.

import { FACTOR } from "./config-rules.ts";
import type { Family } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import { ModelError, type Rotary } from "./model-files.ts";
import { parseRopeScaling } from "./rope-scaling.ts";
import { FULL, WINDOWED } from "./sliding-window.ts";
import { isPlainObject, within } from "./value-schemas.ts";

/** Those of layers that attend to all tokens, and of those with a window. */
export interface Rotaries {
  readonly full: Rotary;
  readonly windowed: Rotary;
}

/** The default of transformers' configuration classes. */
const DEFAULT_THETA = 10000;

/** `layerTypes`: of the layers that the model has, where the configuration says. */
export function parseRotaries(
  json: JsonObject,
  layerTypes: readonly string[] | undefined,
  family: Family,
): Rotaries {
  const defaultTheta = family.defaults.ropeTheta ?? DEFAULT_THETA;
  const objects = [json.object("rope_parameters"), json.object("rope_scaling")];
  const ropes = objects.filter((rope) => rope !== undefined);
  const rotaryOfType = (type: string): Rotary | undefined => {
    const ofType = ropes.flatMap((rope) => ropeOfType(rope, type, layerTypes));
    return oneOf(ofType.map((rope) => ({ rope, rotary: rotaryOf(rope, json, defaultTheta) })));
  };
  const [full, windowed] = [rotaryOfType(FULL), rotaryOfType(WINDOWED)];
  const hasOneType = family.slidingWindow === "none" && layerTypes === undefined;
  if (hasOneType && full && windowed && !Bun.deepEquals(full, windowed)) {
    const [place] = ropes.map((rope) => rope.place);
    throw new ModelError(
      `${place}: ${WINDOWED} differs from ${FULL}, and the family has no layers of two types; remove one`,
    );
  }
  const ordinary = full ??
    windowed ?? { ropeTheta: thetaOf(json) ?? defaultTheta, ropeScaling: undefined };
  const isByType = ropes.some((rope) => typesIn(rope).length > 0);
  return {
    full: ordinary,
    windowed: (isByType ? windowed : ropeOfWindows(json, family, ordinary)) ?? ordinary,
  };
}

/** Rotary embedding of layers with a window, where the configuration does not say it by type. */
function ropeOfWindows(json: JsonObject, { decoder }: Family, ordinary: Rotary): Rotary {
  switch (decoder?.localRope) {
    case "own base":
      return {
        ropeTheta: json.read("rope_local_base_freq", within(FACTOR)) ?? DEFAULT_THETA,
        ropeScaling: undefined,
      };
    case "unscaled":
      return { ...ordinary, ropeScaling: undefined };
    default:
      return ordinary;
  }
}

/** Keys under which the object has others, one for each type of layer. */
function typesIn(rope: JsonObject): readonly string[] {
  return rope.keys().filter((key) => isPlainObject(rope.get(key)));
}

/** The object itself, or the one inside of it. Throws `ModelError` where a type that the model has is missing. */
function ropeOfType(
  rope: JsonObject,
  type: string,
  layerTypes: readonly string[] | undefined,
): readonly JsonObject[] {
  const types = typesIn(rope);
  if (types.length === 0) return [rope];
  const stray = rope.keys().find((key) => !types.includes(key) && rope.get(key) !== undefined);
  if (stray !== undefined) {
    throw new ModelError(`${rope.place}: ${stray} stands beside the parameters of types of layers`);
  }
  const ofType = rope.object(type);
  if (ofType !== undefined) return layerTypes?.includes(type) === false ? [] : [ofType];
  if (layerTypes?.includes(type)) throw rope.missing(type);
  return [];
}

/** The one that all of them say; undefined where there is none. */
function oneOf(
  found: readonly { readonly rope: JsonObject; readonly rotary: Rotary }[],
): Rotary | undefined {
  const [first, ...others] = found;
  const other = others.find(({ rotary }) => !Bun.deepEquals(rotary, first?.rotary));
  if (other === undefined) return first?.rotary;
  throw new ModelError(`${other.rope.place} differs from ${first?.rope.place}; remove one of them`);
}

function rotaryOf(rope: JsonObject, json: JsonObject, defaultTheta: number): Rotary {
  const [own, top] = [thetaOf(rope), thetaOf(json)];
  if (own !== undefined && top !== undefined && own !== top) {
    throw new ModelError(
      `${rope.place}: rope_theta is ${own}, and ${top} in ${json.place} itself; remove the one that is wrong`,
    );
  }
  return { ropeTheta: own ?? top ?? defaultTheta, ropeScaling: parseRopeScaling(rope) };
}

function thetaOf(json: JsonObject): number | undefined {
  return json.read("rope_theta", within(FACTOR));
}
