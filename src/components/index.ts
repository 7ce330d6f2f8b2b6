// "dynamo/components": the services that come with dynamo.

export { Frontend, FrontendConfig } from "./frontend.ts";
export { Processor, ProcessorConfig } from "./processor.ts";
export { VllmWorker, VllmWorkerConfig } from "./worker.ts";
