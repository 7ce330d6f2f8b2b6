import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

import { actionsOf } from "./vercel.mjs";

export function actions({ url, model }) {
  return actionsOf(createOpenAICompatible({ name: "dynamo", baseURL: `${url}/v1` })(model));
}
