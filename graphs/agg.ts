// graphs/agg.ts: one pool of workers, each doing prefill and decode.
import { Frontend, Processor, VllmWorker } from "dynamo/components";

export default Frontend.link(Processor).link(VllmWorker);
