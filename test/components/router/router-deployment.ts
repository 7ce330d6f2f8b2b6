// A processor, a router and workers with the mocked engine, on the test's own thread.

import * as v from "valibot";

import {
  Processor,
  ProcessorConfig,
  Router,
  RouterConfig,
  VllmWorker,
  VllmWorkerConfig,
} from "../../../src/components/index.ts";
import type { RouterMode } from "../../../src/components/router/routing-modes.ts";
import type { CompletionRequest } from "../../../src/protocol/chat.ts";
import type { TextOutput } from "../../../src/protocol/llm.ts";
import { sumSamples } from "../../e2e/server.ts";
import { deployInProcess, type InProcessDeployment } from "../../sdk/deploy-in-process.ts";
import { Door } from "../processor-door.ts";

export const BLOCK_SIZE = 4;

export interface RouterDeployment extends InProcessDeployment {
  readonly door: Door;
  /** The sum of a metric over all instances. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Values of one scrape. */
  metrics(names: readonly string[]): Promise<readonly number[]>;
}

export async function deployRouter(
  options: {
    readonly workers?: number;
    readonly mode?: RouterMode;
    readonly router?: Readonly<Record<string, unknown>>;
    readonly worker?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<RouterDeployment> {
  const graph = Door.link(Processor).link(Router).link(VllmWorker);
  const worker = {
    ...{ model: "mock", engine: "mocker", blockSize: BLOCK_SIZE, maxModelLen: 512 },
    ...{ numGpuBlocksOverride: 256, speedupRatio: 1e9 },
    ...options.worker,
  };
  const deployment = await deployInProcess(graph, {
    workers: { VllmWorker: options.workers ?? 3 },
    config: {
      Processor: v.parse(ProcessorConfig, { model: "mock", router: options.mode }),
      Router: v.parse(RouterConfig, options.router ?? {}),
      VllmWorker: v.parse(VllmWorkerConfig, worker),
    },
    maxRestarts: 1000,
  });
  const door = Door.current;
  await door.ready();
  const metric = async (name: string, labels = {}) => sumSamples(await door.scrape(), name, labels);
  const metrics = async (names: readonly string[]) => {
    const text = await door.scrape();
    return names.map((name) => sumSamples(text, name, {}));
  };
  return Object.assign(deployment, { door, metric, metrics });
}

export function completion(prompt: string, fields: Partial<CompletionRequest> = {}) {
  const request: CompletionRequest = {
    ...{ tenant: 1, model: "mock", n: 1, stream: true, includeUsage: false, prompts: [prompt] },
    ...{ temperature: 0, seed: undefined },
    ...{ maxTokens: 4, minTokens: 0, ignoreEos: true, stop: [] },
    ...{ backendInstanceId: undefined, annotations: [] },
    ...fields,
  };
  return request;
}

export async function all(outputs: AsyncIterable<TextOutput>): Promise<readonly TextOutput[]> {
  const list: TextOutput[] = [];
  for await (const output of outputs) list.push(output);
  return list;
}
