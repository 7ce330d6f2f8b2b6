// The fields of a request that its answer repeats, and those that say how the answer is made.

import { assert } from "../base/assert.ts";
import { jsonObjectForm, schemaForm } from "../door/answer-form.ts";
import type { Fields, Place } from "../door/fields.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import { readTools, type Tools } from "./tools.ts";

export interface Settings {
  readonly instructions: string | undefined;
  readonly previousId: string | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly tools: Tools;
  readonly parallelToolCalls: boolean;
  readonly metadata: object;
  readonly effort: string | undefined;
  /** Form in which the client wants to read the thoughts; undefined gives them as they are. */
  readonly summary: string | undefined;
  /** Thoughts come with a form that the client sends back. */
  readonly isSealed: boolean;
  readonly verbosity: string | undefined;
  readonly form: GrammarSource | undefined;
  /** As the answer repeats it. */
  readonly format: object;
  readonly promptCacheKey: string | undefined;
  readonly safetyIdentifier: string | undefined;
  readonly store: boolean;
}

const MAX_METADATA = 16;
const MAX_INCLUDES = 32;
const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

export function readSettings(body: Fields): Settings {
  const reasoning = readReasoning(body);
  const text = readText(body);
  refuseWhatIsNotThere(body);
  const settings: Settings = {
    instructions: body.string("instructions"),
    previousId: body.string("previous_response_id"),
    maxOutputTokens: body.integer("max_output_tokens", { min: 1 }),
    temperature: body.decimal("temperature", { max: 2 }),
    topP: body.decimal("top_p", { above: 0, max: 1 }),
    tools: readTools(body),
    parallelToolCalls: body.flag("parallel_tool_calls") ?? true,
    metadata: readMetadata(body.at("metadata")),
    ...reasoning,
    isSealed: readInclude(body),
    ...text,
    promptCacheKey: body.string("prompt_cache_key"),
    safetyIdentifier: body.string("safety_identifier"),
    store: body.flag("store") ?? true,
  };
  if (body.oneOf("truncation", ["auto", "disabled"]) === "auto") body.ignore("truncation");
  body.ignore("context_management", "max_tool_calls", "prompt_cache_retention", "user_location");
  body.pass("client_metadata", "service_tier", "user", "prompt_cache_options", "moderation");
  return settings;
}

function readReasoning(body: Fields): Pick<Settings, "effort" | "summary"> {
  const reasoning = body.fields("reasoning");
  if (!reasoning) return { effort: undefined, summary: undefined };
  const words = ["auto", "concise", "detailed", "none"] as const;
  const summary =
    reasoning.oneOf("summary", words) ?? reasoning.oneOf("generate_summary", words) ?? "none";
  const effort = reasoning.oneOf("effort", EFFORTS);
  reasoning.close();
  return { effort, summary: summary === "none" ? undefined : summary };
}

function readText(body: Fields): Pick<Settings, "verbosity" | "form" | "format"> {
  const text = body.fields("text");
  const format = readFormat(text?.fields("format"));
  const verbosity = text?.oneOf("verbosity", ["low", "medium", "high"]);
  if (verbosity !== undefined && verbosity !== "medium") text?.ignore("verbosity");
  text?.close();
  return { verbosity, ...format };
}

function readFormat(format: Fields | undefined): Pick<Settings, "form" | "format"> {
  const type = format?.oneOf("type", ["text", "json_object", "json_schema"]);
  format?.required("type");
  if (type === undefined || type === "text") return { form: undefined, format: { type: "text" } };
  if (type === "json_object") return { form: jsonObjectForm(), format: { type } };
  const schema = format?.required("schema");
  assert(format && schema, "a type has its format");
  const name = format.string("name") ?? "response";
  const description = format.string("description") ?? null;
  const strict = format.flag("strict") ?? false;
  format.close();
  const told = { type, name, description, schema: schema.object(), strict };
  return { form: schemaForm(schema.object(), schema.path), format: told };
}

function refuseWhatIsNotThere(body: Fields): void {
  body.refuse("background", false);
  body.refuse("conversation");
  body.refuse("prompt");
  body.refuse("top_logprobs", 0);
}

function readInclude(body: Fields): boolean {
  let isSealed = false;
  for (const name of body.list("include", MAX_INCLUDES)) {
    if (name.string() === "reasoning.encrypted_content") isSealed = true;
    else name.ignore(name.string().slice(0, 48));
  }
  return isSealed;
}

function readMetadata(place: Place | undefined): object {
  if (place === undefined) return {};
  const metadata = place.object();
  const texts = Object.values(metadata);
  if (texts.length > MAX_METADATA || texts.some((text) => typeof text !== "string"))
    throw place.wrong(`must have at most ${MAX_METADATA} fields, each of them a string`);
  return metadata;
}
