// Fields that both kinds of requests have: the model's options, and fields that concern how ollama loads a model.

import { jsonObjectForm, schemaForm } from "../door/answer-form.ts";
import type { Fields, Place } from "../door/fields.ts";
import { parseFields } from "../door/parse-fields.ts";
import { thinkingVariables } from "../door/thinking.ts";
import type { ChatCompletionRequest } from "../protocol/chat.ts";
import { readSampling, SAMPLING_ROWS } from "../sampling/options.ts";
import type { SamplingParameter } from "../sampling/parameters.ts";

const MAX_STOPS = 32;
const MAX_STOP_BYTES = 256;
const EFFORTS = ["low", "medium", "high", "max"] as const;

/** Ways to choose tokens that are not there, and the values by which they are off. */
const NOT_YET: readonly (readonly [name: string, ...off: readonly unknown[]])[] = [
  ...([
    ["mirostat", 0],
    ["typical_p", 1],
    ["tfs_z", 1],
    ["top_n_sigma", -1, 0],
  ] as const),
  ...([
    ["dry_multiplier", 0],
    ["xtc_probability", 0],
    ["dynatemp_range", 0],
  ] as const),
  ...([["samplers"], ["logit_bias"], ["grammar", ""]] as const),
];

const OWN: ReadonlySet<string | undefined> = new Set(SAMPLING_ROWS.map(([, row]) => row.ollama));

type Sampling = Partial<ChatCompletionRequest>;

export function readOptions(body: Fields): Sampling {
  body.pass("keep_alive");
  body.refuse("logprobs", false);
  body.refuse("top_logprobs", 0);
  const options = body.fields("options");
  if (!options) return {};
  const limit = options.integer("num_predict", { min: -2 }) ?? -1;
  const sampling: Sampling = {
    maxTokens: limit >= 1 ? limit : undefined, // -1 and -2: as many as there is room for
    ...readSampling((row) => readParameter(options, row)),
    seed: seedOf(options.integer("seed", { min: Number.MIN_SAFE_INTEGER })),
    stop: readStops(options.at("stop")),
  };
  for (const [name, ...off] of NOT_YET) if (!OWN.has(name)) options.refuse(name, ...off);
  options.close(); // as num_ctx: the answer names them
  return sampling;
}

function readParameter(options: Fields, { ollama, schema }: SamplingParameter): unknown {
  const place = ollama === undefined ? undefined : options.at(ollama);
  return place && parseFields(schema, place.value, place.path);
}

/** "json", or a schema. */
export function readFormat(body: Fields): Pick<ChatCompletionRequest, "form"> {
  const place = body.at("format");
  if (place === undefined || place.value === "") return {};
  if (place.value === "json") return { form: jsonObjectForm() };
  if (place.isString) throw place.wrong('must be "json" or a JSON schema', "invalid_value");
  return { form: schemaForm(place.object(), "format") };
}

/** Reads if the model thinks before it answers: a flag, or how much. */
export function readThink(body: Fields): Pick<ChatCompletionRequest, "templateVariables"> {
  const place = body.at("think");
  if (place === undefined) return { templateVariables: {} };
  if (typeof place.value === "boolean")
    return { templateVariables: thinkingVariables({ isOn: place.value }) };
  if (!place.isString) throw place.wrong(`must be true, false or one of ${EFFORTS.join(", ")}`);
  const effort = body.oneOf("think", EFFORTS);
  return { templateVariables: thinkingVariables({ isOn: true, effort }) };
}

function readStops(place: Place | undefined): readonly string[] {
  if (place === undefined) return [];
  const list = place.isString ? [place] : place.list(MAX_STOPS, "must be a list of strings");
  return list.map((each) => {
    const stop = each.string();
    const bytes = Buffer.byteLength(stop);
    if (bytes >= 1 && bytes <= MAX_STOP_BYTES) return stop;
    throw each.wrong(`must have 1 to ${MAX_STOP_BYTES} bytes`, "invalid_value");
  });
}

function seedOf(seed: number | undefined): bigint | undefined {
  return seed === undefined ? undefined : BigInt.asUintN(64, BigInt(seed));
}
