// How the next token is chosen: one row a parameter. OpenAI's routes, ollama's options, a model's
// generation_config.json, requests of services, the engine's options and docs/api.md are made of the same rows.
//
// `seed` is no row: each choice has one of its own. Neither are words, which the processor turns into tokens.

import type * as v from "valibot";

import { decimal, logitBias, tokenIds, topK } from "./values.ts";

export interface SamplingParameter {
  /** Its field in a body. */
  readonly field: string;
  /** The APIs that have the field. */
  readonly from: "both" | "vllm";
  /** Dynamo's `nvext` has the field too; the one outside goes before it. */
  readonly isInNvext?: true;
  /** Its name among ollama's options. */
  readonly ollama?: string;
  /** Checks what a client sends. */
  readonly schema: v.GenericSchema;
  /** Its place in a model's files, whose values go before `unset`. */
  readonly inModel?: InModel;
  /** Value if neither the request nor the model says; the parameter is absent without one. */
  readonly unset?: number;
  /** Makes the engine's option of the client's value. Default: they are the same. */
  readonly toOption?: (given: never) => unknown;
  /** For docs/api.md. */
  readonly meaning: string;
}

/** Name and range. generation_config.json has the names of the fields. */
export interface InModel {
  /** Behind `general.sampling.` in the metadata of GGUF files. */
  readonly gguf: string;
  readonly min: number;
  readonly max: number;
  readonly isWhole?: true;
  /** Lower values of the file mean this one. */
  readonly raisedTo?: number;
}

export const SAMPLING_PARAMETERS = {
  /** 0 is greedy. */
  temperature: {
    ...{ field: "temperature", from: "both", ollama: "temperature" },
    schema: decimal({ min: 0, max: 2 }),
    ...{ inModel: { gguf: "temp", min: 0, max: 100 }, unset: 1 },
    meaning: "0 always takes the likeliest token. Else the model's, else 1.",
  },
  /** 1 is off. */
  topP: {
    ...{ field: "top_p", from: "both", ollama: "top_p" },
    schema: decimal({ above: 0, max: 1 }),
    ...{ inModel: { gguf: "top_p", min: 0, max: 1 }, unset: 1 },
    meaning:
      "Only the likeliest tokens that together have this probability. Else the model's, else 1, which is off.",
  },
  /** 0 is off. */
  topK: {
    ...{ field: "top_k", from: "vllm", isInNvext: true, ollama: "top_k" },
    schema: topK(),
    inModel: { gguf: "top_k", min: -1, max: 2 ** 31 - 1, isWhole: true, raisedTo: 0 },
    unset: 0,
    meaning: "Only so many of the likeliest tokens. Else the model's, else 0; 0 and -1 are off.",
  },
  /** 0 is off. */
  minP: {
    ...{ field: "min_p", from: "vllm", ollama: "min_p" },
    schema: decimal({ min: 0, max: 1 }),
    ...{ inModel: { gguf: "min_p", min: 0, max: 1 }, unset: 0 },
    meaning:
      "Only tokens at least this likely, compared with the likeliest. Else the model's, else 0, which is off.",
  },
  /** 0 is off. Subtracted once from every token that the output already has. */
  presencePenalty: {
    ...{ field: "presence_penalty", from: "both", ollama: "presence_penalty" },
    schema: decimal({ min: -2, max: 2 }),
    unset: 0,
    meaning: "Taken from the logit of each token that the output already has.",
  },
  /** 0 is off. Subtracted for each time that the output already has the token. */
  frequencyPenalty: {
    ...{ field: "frequency_penalty", from: "both", ollama: "frequency_penalty" },
    schema: decimal({ min: -2, max: 2 }),
    unset: 0,
    meaning: "The same, for each time that the output has it.",
  },
  /** 1 is off. Divides positive and multiplies negative logits of tokens in prompt or output. */
  repetitionPenalty: {
    ...{ field: "repetition_penalty", from: "vllm", isInNvext: true, ollama: "repeat_penalty" },
    schema: decimal({ above: 0, max: 2 }),
    ...{ inModel: { gguf: "penalty_repeat", min: 0.01, max: 100 }, unset: 1 },
    meaning:
      "Divides the logits of tokens that prompt or output have (multiplies negative ones). Else the model's, else 1, which is off.",
  },
  /** Added to logits by token id, from -100 to 100, before all else. */
  logitBias: {
    ...{ field: "logit_bias", from: "both" },
    schema: logitBias(),
    toOption: biasesOf,
    meaning: "Added to the logits of token ids, before penalties.",
  },
  /** The output has these tokens only. */
  allowedTokenIds: {
    ...{ field: "allowed_token_ids", from: "vllm" },
    schema: tokenIds(),
    meaning: "The output has these tokens only.",
  },
} as const satisfies Readonly<Record<string, SamplingParameter>>;

/** `biases[i]` is that of `tokenIds[i]`. */
export interface LogitBias {
  readonly tokenIds: readonly number[];
  readonly biases: readonly number[];
}

function biasesOf(byId: Readonly<Record<string, number>>): LogitBias {
  return { tokenIds: Object.keys(byId).map(Number), biases: Object.values(byId) };
}

export type SamplingRows = typeof SAMPLING_PARAMETERS;
export type SamplingName = keyof SamplingRows;
