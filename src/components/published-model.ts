// How a service tells frontends what it serves: a key under `models/` for as long as it can route to a worker.

import { basename } from "node:path";
import { formatInstanceId, type ServiceContext } from "dynamo";

import { BUILT_IN_MODEL, BUILT_IN_NAME } from "../model/built-in-model.ts";

export const MODELS_PREFIX = "models/";

export interface PublishedModel {
  /** That serves it. */
  readonly service: string;
  /** As it is configured, else the last part of the model's path. */
  readonly name: string;
  /** Other names that it answers to. */
  readonly aliases: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly created: number;
  /** Tokens that prompt and output may have together. */
  readonly maxModelLen: number;
  /** How long a request waits for a worker where none is live. */
  readonly waitForWorkerMs: number;
}

interface PublisherConfig {
  readonly model: string;
  readonly servedModelName?: ModelNames | undefined;
  readonly waitForWorkerMs: number;
}

/** A name, or a list: the first is the model's own, the others are aliases. */
export type ModelNames = string | readonly string[];

export function namesIn(given: ModelNames): readonly string[] {
  return typeof given === "string" ? [given] : given;
}

/** Names by which clients call a service's model, its own first. */
export function servedNames({
  model,
  servedModelName = basename(model),
}: Pick<PublisherConfig, "model" | "servedModelName">): readonly string[] {
  return namesIn(servedModelName);
}

export class ModelPublisher {
  readonly #context: ServiceContext;
  readonly #config: PublisherConfig;
  readonly #key: string;
  #isPublished = false;

  constructor(context: ServiceContext, config: PublisherConfig) {
    const { namespace, service, instanceId } = context;
    this.#context = context;
    this.#config = config;
    this.#key = `${MODELS_PREFIX}${namespace}.${service}:${formatInstanceId(instanceId)}`;
  }

  get isPublished(): boolean {
    return this.#isPublished;
  }

  async publish(maxModelLen: number): Promise<void> {
    this.#isPublished = true;
    const [name = "", ...aliases] = servedNames(this.#config);
    const always = this.#config.model === BUILT_IN_MODEL ? [BUILT_IN_NAME] : [];
    const published: PublishedModel = {
      service: this.#context.service,
      name,
      aliases: [...aliases, ...always],
      created: Math.floor(this.#context.clock.wallTime() / 1000),
      maxModelLen,
      waitForWorkerMs: this.#config.waitForWorkerMs,
    };
    await this.#context.registry.put(this.#key, JSON.stringify(published));
  }

  async withdraw(): Promise<void> {
    this.#isPublished = false;
    await this.#context.registry.delete(this.#key);
  }
}
