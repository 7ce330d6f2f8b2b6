// "dynamo/components": the services that come with dynamo, and what users' services say to them.

export type {
  ChatCompletionRequest,
  ChatMessage,
  CompletionRequest,
  GenerationRequest,
} from "../openai/schema.ts";
export type {
  Annotations,
  FinishReason,
  PreprocessedRequest,
  TextOutput,
  TokenOutput,
} from "../protocol/llm.ts";
export { ChatBackend } from "./chat-backend.ts";
export { Frontend } from "./frontend.ts";
export { FrontendConfig } from "./frontend-config.ts";
export { PrefillWorker } from "./prefill-worker.ts";
export { PrefillWorkerConfig } from "./prefill-worker-config.ts";
export { Processor, ProcessorConfig } from "./processor.ts";
export {
  type ChatFields,
  type CompletionFields,
  chatRequest,
  completionRequest,
  InvalidRequestError,
  textOf,
} from "./requests.ts";
export { Router } from "./router.ts";
export { RouterConfig } from "./router-config.ts";
export { RouterLessConfig, VllmWorkerRouterLess } from "./routerless-worker.ts";
export { VllmWorker } from "./worker.ts";
export { VllmWorkerConfig } from "./worker-config.ts";
