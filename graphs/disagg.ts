// graphs/disagg.ts: workers that decode, and prefill workers that compute their long prompts.
import { Frontend, PrefillWorker, Processor, VllmWorker } from "dynamo/components";

export default Frontend.link(Processor).link(VllmWorker).link(PrefillWorker);
