// graphs/agg_router.ts: one pool of workers behind the KV-aware router.
import { Frontend, Processor, Router, VllmWorker } from "dynamo/components";

export default Frontend.link(Processor).link(Router).link(VllmWorker);
