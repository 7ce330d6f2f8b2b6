// graphs/disagg_routerless.ts: workers that serve chats themselves, and prefill workers that compute their long prompts.
import { Frontend, PrefillWorker, VllmWorkerRouterLess } from "dynamo/components";

export default Frontend.link(VllmWorkerRouterLess).link(PrefillWorker);
