// Names in NVIDIA Dynamo's configurations. A file written for it loads here: services and keys that
// are known there, but not in the graph at hand, are accepted and named once in a warning, while a
// name that is known nowhere is an error.

import { canonicalKey } from "./path.ts";

/** Arguments of vLLM's engine (the v0.8 to v0.9 line, `vllm/engine/arg_utils.py`), which its workers take as keys. */
const VLLM_ENGINE_KEYS = `
  additional-config allowed-local-media-path block-size calculate-kv-scales code-revision collect-detailed-traces
  compilation-config config-format cpu-offload-gb data-parallel-address data-parallel-backend data-parallel-rpc-port
  data-parallel-size data-parallel-size-local device disable-async-output-proc disable-cascade-attn
  disable-chunked-mm-input disable-custom-all-reduce disable-log-requests disable-log-stats
  disable-mm-preprocessor-cache disable-sliding-window distributed-executor-backend download-dir dtype
  enable-chunked-prefill enable-expert-parallel enable-lora enable-lora-bias enable-multimodal-encoder-data-parallel
  enable-prefix-caching enable-prompt-adapter enable-prompt-embeds enable-reasoning enable-sleep-mode enforce-eager
  fully-sharded-loras generation-config gpu-memory-utilization guided-decoding-backend
  guided-decoding-disable-additional-properties guided-decoding-disable-any-whitespace
  guided-decoding-disable-fallback hf-config-path hf-overrides hf-token ignore-patterns kv-cache-dtype
  kv-events-config kv-transfer-config limit-mm-per-prompt load-format logits-processor-pattern
  long-lora-scaling-factors long-prefill-token-threshold lora-dtype lora-extra-vocab-size max-cpu-loras
  max-logprobs max-long-partial-prefills max-lora-rank max-loras max-model-len max-num-batched-tokens
  max-num-partial-prefills max-num-seqs max-parallel-loading-workers max-prompt-adapter-token max-prompt-adapters
  max-seq-len-to-capture mm-processor-kwargs model model-impl model-loader-extra-config multi-step-stream-outputs
  num-gpu-blocks-override num-lookahead-slots num-scheduler-steps otlp-traces-endpoint override-generation-config
  override-neuron-config override-pooler-config pipeline-parallel-size preemption-mode prefix-caching-hash-algo
  pt-load-map-location qlora-adapter-name-or-path quantization ray-workers-use-nsight reasoning-parser revision
  rope-scaling rope-theta scheduler-cls scheduler-delay-factor scheduling-policy seed served-model-name
  show-hidden-metrics-for-version skip-tokenizer-init speculative-config swap-space task tensor-parallel-size
  tokenizer tokenizer-mode tokenizer-pool-extra-config tokenizer-pool-size tokenizer-pool-type tokenizer-revision
  trust-remote-code use-tqdm-on-load use-v2-block-manager worker-cls worker-extension-cls
`;

/** Keys that Dynamo's own argument parser adds to them. */
const WORKER_KEYS = `${VLLM_ENGINE_KEYS}
  router remote-prefill conditional-disagg max-local-prefill-length max-prefill-queue-size num-workers
`;

const PLANNER_KEYS = `
  environment no-operation namespace served-model-name log-dir adjustment-interval metric-pulling-interval
  max-gpu-budget min-gpu-budget min-endpoint decode-kv-scale-up-threshold decode-kv-scale-down-threshold
  prefill-queue-scale-up-threshold prefill-queue-scale-down-threshold decode-engine-num-gpu prefill-engine-num-gpu
  backend ttft itl isl osl profile-results-dir load-predictor load-prediction-window-size
`;

const SERVICE_KEYS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    Frontend: "served-model-name endpoint endpoint-chat endpoint-completions port",
    Processor: `${WORKER_KEYS} router-num-threads prompt-template`,
    Router: `${WORKER_KEYS} model-name min-workers custom-router softmax-sample overlap-score-weight`,
    VllmWorker: WORKER_KEYS,
    PrefillWorker: WORKER_KEYS,
    VllmWorkerRouterLess: WORKER_KEYS,
    PrefillWorkerRouterLess: WORKER_KEYS,
    MockVllmWorker: WORKER_KEYS,
    MockPrefillWorker: WORKER_KEYS,
    Planner: PLANNER_KEYS,
  }).map(([service, keys]) => [service, new Set(keys.trim().split(/\s+/))]),
);

const ALL_KEYS: ReadonlySet<string> = new Set(
  [...SERVICE_KEYS.values()].flatMap((keys) => [...keys]),
);

/** vLLM's names for how weights were quantized, which a model's own files say here. */
const STORED_QUANTIZATION = `
  aqlm auto-round awq awq_marlin bitblas bitsandbytes compressed-tensors deepspeedfp experts_int8 fbgemm_fp8 fp8 gguf gptq
  gptq_bitblas gptq_marlin gptq_marlin_24 hqq ipex marlin modelopt modelopt_fp4 moe_wna16 neuron_quant ptpc_fp8 qqq quark
  torchao tpu_int8
`
  .trim()
  .split(/\s+/);

/** Values that need what the graph or this machine may not have, by service and key. */
const VALUES: ReadonlyMap<string, readonly unknown[]> = new Map([
  ["VllmWorker.quantization", STORED_QUANTIZATION],
  ["PrefillWorker.quantization", STORED_QUANTIZATION],
]);

/** Keys of `ServiceArgs` that have no meaning without Kubernetes or GPUs to place. */
const SERVICE_ARGS_KEYS: ReadonlySet<string> = new Set(
  "image labels traffic total-resources annotations".split(" "),
);
const SERVICE_ARGS_DYNAMO_KEYS: ReadonlySet<string> = new Set(
  "enabled name custom-lease component-type".split(" "),
);

export function isUpstreamService(name: string): boolean {
  return SERVICE_KEYS.has(name);
}

export function upstreamServices(): Iterable<string> {
  return SERVICE_KEYS.keys();
}

/** Keys of `service` upstream, in kebab case. `Common` may hold the key of any service. */
export function upstreamKeys(service: string): ReadonlySet<string> {
  return (service === "Common" ? ALL_KEYS : SERVICE_KEYS.get(service)) ?? new Set();
}

export function isUpstreamValue(service: string, key: string, value: unknown): boolean {
  return VALUES.get(`${service}.${canonicalKey(key)}`)?.includes(value) ?? false;
}

/** Keys of the map at `path` inside `ServiceArgs`. */
export function upstreamServiceArgs(path: readonly string[]): ReadonlySet<string> {
  if (path.length === 0) return SERVICE_ARGS_KEYS;
  return path.length === 1 && path[0] === "dynamo" ? SERVICE_ARGS_DYNAMO_KEYS : new Set();
}
