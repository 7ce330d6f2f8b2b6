// The family that a config.json names, and the part of the file that is about it.

import type { Family, Wrapper } from "./families/family.ts";
import { FAMILIES } from "./families.ts";
import { JsonObject } from "./json-object.ts";
import { ModelError } from "./model-files.ts";
import { OBJECT, TEXT, TEXTS } from "./value-schemas.ts";

export interface FamilyConfig {
  readonly family: Family;
  /** The configuration of the text, with what the file says for all parts of the model. */
  readonly json: JsonObject;
  /** There if the text is a part of a larger model. */
  readonly wrapper: Wrapper | undefined;
}

/** Keys that a configuration of several parts may have for all of them; the text's own count more. */
const SHARED = [
  ...["bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings"],
  ...["quantization_config", "torch_dtype", "dtype"],
];

/** Throws `ModelError` at a family that is not supported. */
export function parseFamily(json: JsonObject): FamilyConfig {
  const { family, isWrapped } = findFamily(json);
  const { wrapper } = family;
  if (!isWrapped || wrapper === undefined) return { family, json, wrapper: undefined };
  const text = json.read("text_config", OBJECT);
  if (text === undefined) throw json.missing("text_config");
  const shared = SHARED.filter((key) => json.has(key) && (text[key] ?? undefined) === undefined);
  const whole = new JsonObject(`${json.place}: text_config`, {
    ...text,
    ...Object.fromEntries(shared.map((key) => [key, json.get(key)])),
  });
  return { family, json: whole, wrapper };
}

interface Found {
  readonly family: Family;
  readonly isWrapped: boolean;
}

function findFamily(json: JsonObject): Found {
  const names = json.read("architectures", TEXTS) ?? [];
  const type = json.get("model_type");
  const known =
    names.length > 0
      ? names.map(familyOfClass).find((found) => found !== undefined)
      : familyOfType(type);
  if (known !== undefined) return known;
  const found = names.join(", ") || (json.read("model_type", TEXT) ?? "no architecture");
  const supported = FAMILIES.flatMap(({ architecture, wrapper }) => [
    architecture,
    ...(wrapper ? [wrapper.architecture] : []),
  ]);
  throw new ModelError(
    `${json.place}: architectures names ${found}; supported: ${supported.join(", ")}`,
  );
}

function familyOfClass(name: string): Found | undefined {
  return (
    found(FAMILIES.find(({ architecture }) => architecture === name)) ??
    found(
      FAMILIES.find(({ wrapper }) => wrapper?.architecture === name),
      { isWrapped: true },
    )
  );
}

function familyOfType(type: unknown): Found | undefined {
  return (
    found(FAMILIES.find(({ name }) => name === type)) ??
    found(
      FAMILIES.find(({ wrapper }) => wrapper?.modelType === type),
      { isWrapped: true },
    )
  );
}

function found(
  family: Family | undefined,
  { isWrapped } = { isWrapped: false },
): Found | undefined {
  return family && { family, isWrapped };
}
