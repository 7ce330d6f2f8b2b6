// The keys of Dynamo's own example files (v0.2 to v0.3), in files of ours: each must load against the
// graph that it was written for, with warnings at most.

import { describe, expect, test } from "bun:test";
import agg from "../../graphs/agg.ts";
import aggRouter from "../../graphs/agg_router.ts";
import disagg from "../../graphs/disagg.ts";
import disaggRouter from "../../graphs/disagg_router.ts";
import type { Graph } from "../../src/sdk/index.ts";
import { readYamlConfig } from "../../src/serve/config-tree.ts";
import { resolveConfig } from "../../src/serve/resolve-config.ts";

const FRONTEND = `
Frontend:
  served_model_name: org/model
  endpoint: dynamo.Processor.chat/completions
  port: 8000
`;

const MULTINODE_FRONTEND = `
Frontend:
  served_model_name: org/model
  endpoint_chat: dynamo.Processor.chat/completions
  endpoint_completions: dynamo.Processor.completions
  port: 8000
`;

const COMMON = `
Common:
  model: org/model
  block-size: 64
  max-model-len: 16384
`;

const KV_COMMON = `${COMMON}  router: kv
  kv-transfer-config: '{"kv_connector":"DynamoNixlConnector"}'
`;

const ARGS = `
  ServiceArgs:
    workers: 1
    resources:
      gpu: 1
`;

const DISAGG = `
  remote-prefill: true
  conditional-disagg: true
  max-local-prefill-length: 10
  max-prefill-queue-size: 2`;

const PREFILL_WORKER = `
PrefillWorker:
  max-num-batched-tokens: 16384${ARGS}
  common-configs: [model, block-size, max-model-len, kv-transfer-config]
`;

const PLANNER = `
Planner:
  environment: kubernetes
`;

interface ExampleFile {
  readonly text: string;
  readonly ignored: readonly string[];
  /** agg unless given. */
  readonly graph?: Graph;
}

const FILES: Readonly<Record<string, ExampleFile>> = {
  agg: {
    text: `${COMMON}${FRONTEND}
Processor:
  router: round-robin
  router-num-threads: 4
  common-configs: [model, block-size, max-model-len]
VllmWorker:
  enforce-eager: true
  max-num-batched-tokens: 16384
  enable-prefix-caching: true${ARGS}
  common-configs: [model, block-size, max-model-len]
${PLANNER}`,
    ignored: ["Planner", "VllmWorker.ServiceArgs.resources", "Processor.router-num-threads"],
  },
  agg_router: {
    graph: aggRouter,
    text: `${KV_COMMON}${FRONTEND}
Processor:
  common-configs: [model, block-size, max-model-len, router]
Router:
  min-workers: 1
  common-configs: [model, router]
VllmWorker:
  enforce-eager: true
  max-num-batched-tokens: 16384
  enable-prefix-caching: true
  tensor-parallel-size: 1${ARGS}
  common-configs: [model, block-size, max-model-len, router, kv-transfer-config]
${PLANNER}`,
    ignored: [
      "Planner",
      "VllmWorker.ServiceArgs.resources",
      "Common.router for VllmWorker",
      "Common.kv-transfer-config for VllmWorker",
      "VllmWorker.tensor-parallel-size",
      "Common.model for Router",
    ],
  },
  disagg: {
    text: `${COMMON}  kv-transfer-config: '{"kv_connector":"DynamoNixlConnector"}'
${FRONTEND}
Processor:
  router: round-robin
  common-configs: [model, block-size]
VllmWorker:${DISAGG}${ARGS}
  common-configs: [model, block-size, max-model-len, kv-transfer-config]
${PREFILL_WORKER}${PLANNER}`,
    graph: disagg,
    ignored: [
      "Planner",
      "PrefillWorker.ServiceArgs.resources",
      "Common.kv-transfer-config for PrefillWorker",
      "VllmWorker.ServiceArgs.resources",
      "Common.kv-transfer-config for VllmWorker",
    ],
  },
  disagg_router: {
    graph: disaggRouter,
    text: `${KV_COMMON}${FRONTEND}
Processor:
  common-configs: [model, block-size, max-model-len, router]
Router:
  min-workers: 1
  common-configs: [model, router]
VllmWorker:
  max-num-batched-tokens: 16384
  tensor-parallel-size: 1
  enable-prefix-caching: true${DISAGG}${ARGS}
  common-configs: [model, block-size, max-model-len, router, kv-transfer-config]
${PREFILL_WORKER}${PLANNER}`,
    ignored: expect.arrayContaining(["Planner", "Common.model for Router"]),
  },
  "multinode-405b": {
    graph: disaggRouter,
    text: `${MULTINODE_FRONTEND}
Processor:
  model: org/model
  block-size: 64
  max-model-len: 8192
  router: kv
Router:
  model: org/model
  min-workers: 1
VllmWorker:
  model: org/model
  kv-transfer-config: '{"kv_connector":"DynamoNixlConnector"}'
  block-size: 64
  max-model-len: 8192
  max-num-seqs: 16${DISAGG}
  gpu-memory-utilization: 0.95
  tensor-parallel-size: 8
  router: kv
  quantization: modelopt
  enable-prefix-caching: true
  ServiceArgs: {workers: 1, resources: {gpu: '8'}}
PrefillWorker:
  model: org/model
  quantization: modelopt
  ServiceArgs: {workers: 1, resources: {gpu: '8'}}
`,
    ignored: expect.arrayContaining([
      "Frontend.endpoint_chat",
      "Frontend.endpoint_completions",
      "VllmWorker.quantization=modelopt",
    ]),
  },
  multinode_agg_r1: {
    text: `${COMMON}${MULTINODE_FRONTEND}
Processor:
  router: round-robin
  common-configs: [model, block-size, max-model-len]
VllmWorker:
  enforce-eager: true
  max-num-batched-tokens: 16384
  enable-prefix-caching: true
  router: random
  tensor-parallel-size: 16
  ServiceArgs: {workers: 1, resources: {gpu: '1'}}
  common-configs: [model, block-size, max-model-len]
`,
    ignored: expect.arrayContaining(["VllmWorker.tensor-parallel-size", "VllmWorker.router"]),
  },
  mutinode_disagg_r1: {
    text: `${COMMON}  kv-transfer-config: '{"kv_connector":"DynamoNixlConnector"}'
  tensor-parallel-size: 16
${MULTINODE_FRONTEND}
Processor:
  router: round-robin
  common-configs: [model, block-size]
VllmWorker:
  remote-prefill: true
  conditional-disagg: false
  ServiceArgs: {workers: 1, resources: {gpu: '16'}}
  common-configs: [model, block-size, max-model-len, kv-transfer-config, tensor-parallel-size]
${PREFILL_WORKER}`,
    graph: disagg,
    ignored: expect.arrayContaining(["Common.tensor-parallel-size for VllmWorker"]),
  },
};

describe("Dynamo's example files load", () => {
  for (const [name, { text, ignored, graph = agg }] of Object.entries(FILES)) {
    test(name, () => {
      const tree = readYamlConfig({ name: `${name}.yaml`, text });
      const config = resolveConfig(tree, graph);
      expect(config.ignored).toEqual(ignored);
      expect(config.services.get("VllmWorker")?.config).toMatchObject({ model: "org/model" });
    });
  }
});

describe("what must fit together", () => {
  const resolve = (graph: Graph, text: string) =>
    resolveConfig(readYamlConfig({ name: "mine.yaml", text }), graph);
  const processor = (line: string) => `
Processor: {model: m, ${line}}
VllmWorker: {model: m, block-size: 64, ServiceArgs: {workers: 2}}
`;

  test("a mode that needs a Router is refused without one, with the graph that has it", () => {
    for (const mode of ["kv", "kv-load", "approx-kv"]) {
      expect(() => resolve(agg, processor(`router: ${mode}`))).toThrow(
        `Processor.router: "${mode}" needs a Router, and this graph has none; serve graphs.agg_router:Frontend`,
      );
      resolve(aggRouter, processor(`router: ${mode}`));
    }
  });

  test("blocks of two sizes are refused where prefixes are routed, and named with their place", () => {
    resolve(agg, processor("block-size: 32"));
    expect(() => resolve(aggRouter, processor("block-size: 32"))).toThrow(
      "mine.yaml:2:35: Processor.block-size: 32 tokens, but the KV blocks of VllmWorker have 64",
    );
    expect(() =>
      resolve(aggRouter, `${processor("block-size: 64")}Router: {block-size: 8}\n`),
    ).toThrow("Router.block-size: 8 tokens");
  });

  test("more workers than there can be are not waited for", () => {
    expect(() =>
      resolve(aggRouter, `${processor("router: kv")}Router: {min-workers: 3}\n`),
    ).toThrow("set VllmWorker.ServiceArgs.workers to 3 or more");
  });
});
