// The keys of Dynamo's own example files (v0.2 to v0.3), in files of ours: each must load against the
// graph that it was written for, with warnings at most.

import { describe, expect, test } from "bun:test";
import agg from "../../graphs/agg.ts";
import disagg from "../../graphs/disagg.ts";
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
      "Router",
      "Planner",
      "VllmWorker.ServiceArgs.resources",
      "VllmWorker.router",
      "VllmWorker.kv-transfer-config",
      "VllmWorker.tensor-parallel-size",
      "Processor.router=kv",
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
      "PrefillWorker.kv-transfer-config",
      "VllmWorker.ServiceArgs.resources",
      "VllmWorker.kv-transfer-config",
    ],
  },
  disagg_router: {
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
    graph: disagg,
    ignored: expect.arrayContaining(["Router", "Planner", "Processor.router=kv"]),
  },
  "multinode-405b": {
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
    graph: disagg,
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
    ignored: expect.arrayContaining(["VllmWorker.tensor-parallel-size"]),
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
