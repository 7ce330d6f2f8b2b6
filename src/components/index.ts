// "dynamo/components": the services that come with dynamo, and what users' services say to them.

export type {
  ChatCompletionRequest,
  ChatMessage,
  CompletionRequest,
  GenerationRequest,
} from "../protocol/chat.ts";
export type {
  Annotations,
  FinishReason,
  PreprocessedRequest,
  TextOutput,
  TokenOutput,
} from "../protocol/llm.ts";
export { ChatBackend } from "./chat-backend.ts";
export { FrontendConfig } from "./frontend/config.ts";
export { Frontend } from "./frontend/frontend.ts";
export { PrefillWorkerConfig } from "./prefill/config.ts";
export { PrefillWorker } from "./prefill/prefill-worker.ts";
export { Processor, ProcessorConfig } from "./processor/processor.ts";
export {
  type ChatFields,
  type CompletionFields,
  chatRequest,
  completionRequest,
  InvalidRequestError,
  textOf,
} from "./requests.ts";
export { RouterConfig } from "./router/config.ts";
export { Router } from "./router/router.ts";
export { VllmWorkerConfig } from "./worker/config.ts";
export { RouterLessConfig, VllmWorkerRouterLess } from "./worker/routerless-worker.ts";
export { VllmWorker } from "./worker/worker.ts";
