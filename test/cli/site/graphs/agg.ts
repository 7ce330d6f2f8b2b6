// Stands in for the shipped components in tests of configuration: the same names, keys and links, and nothing behind them.

import { type ConfigProblem, configured, depends, type GraphView, Service } from "dynamo";
import * as v from "valibot";

const Count = v.pipe(v.number(), v.integer(), v.minValue(1));

export class VllmWorker extends Service {
  config = configured(
    v.strictObject({
      model: v.string(),
      engine: v.optional(v.picklist(["native", "mocker"]), "native"),
      blockSize: v.optional(Count, 64),
      maxModelLen: v.optional(Count, 4096),
      maxNumBatchedTokens: v.optional(Count, 2048),
      maxNumSeqs: v.optional(Count, 256),
      enablePrefixCaching: v.optional(v.boolean(), true),
      enforceEager: v.optional(v.boolean(), false),
      gpuMemoryUtilization: v.optional(v.pipe(v.number(), v.maxValue(1)), 0.9),
      numGpuBlocksOverride: v.optional(Count),
    }),
  );
  #served = 0;

  async *generate(prompt: string): AsyncGenerator<string> {
    this.#served += 1;
    yield prompt;
  }
}

export class Router extends Service {
  worker = depends(VllmWorker);
}

export class Processor extends Service {
  config = configured(
    v.strictObject({
      model: v.string(),
      blockSize: v.optional(Count, 64),
      maxModelLen: v.optional(Count, 4096),
      router: v.optional(v.picklist(["random", "round-robin"]), "random"),
    }),
  );
  router = depends(Router, "optional");
  worker = depends(VllmWorker);

  async *"chat/completions"(prompt: string): AsyncGenerator<string> {
    yield* this.worker.generate(prompt);
  }
}

export class Frontend extends Service {
  config = configured(
    v.strictObject({
      servedModelName: v.string(),
      endpoint: v.optional(v.string(), "dynamo.Processor.chat/completions"),
      host: v.optional(v.string(), "127.0.0.1"),
      port: v.optional(v.pipe(v.number(), v.integer(), v.maxValue(65535)), 8000),
    }),
  );
  processor = depends(Processor);

  static override validate(config: unknown, graph: GraphView): readonly ConfigProblem[] {
    const { endpoint } = config as { endpoint: string };
    const known = graph.services.flatMap(({ namespace, name, endpoints }) =>
      endpoints.map((one) => `${namespace}.${name}.${one}`),
    );
    if (known.includes(endpoint)) return [];
    return [{ key: "endpoint", message: `there is no endpoint ${endpoint}` }];
  }
}

export default Frontend.link(Processor).link(VllmWorker);
