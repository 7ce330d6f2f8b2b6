// "dynamo/components": the services that come with dynamo.

export { Frontend } from "./frontend.ts";
export { FrontendConfig } from "./frontend-config.ts";
export { PrefillWorker } from "./prefill-worker.ts";
export { PrefillWorkerConfig } from "./prefill-worker-config.ts";
export { Processor, ProcessorConfig } from "./processor.ts";
export { Router } from "./router.ts";
export { RouterConfig } from "./router-config.ts";
export { VllmWorkerRouterLess } from "./routerless-worker.ts";
export { VllmWorker } from "./worker.ts";
export { VllmWorkerConfig } from "./worker-config.ts";
