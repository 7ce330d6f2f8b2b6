// graphs/routerless.ts: workers that serve chats themselves; no processor, no router.
import { Frontend, VllmWorkerRouterLess } from "dynamo/components";

export default Frontend.link(VllmWorkerRouterLess);
