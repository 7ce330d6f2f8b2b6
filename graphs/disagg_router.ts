// graphs/disagg_router.ts: a KV-aware router before workers whose long prompts prefill workers compute.
import { Frontend, PrefillWorker, Processor, Router, VllmWorker } from "dynamo/components";

export default Frontend.link(Processor).link(Router).link(VllmWorker).link(PrefillWorker);
