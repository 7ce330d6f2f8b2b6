import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

import { actionsOf } from "./vercel.mjs";

export function actions({ url, model }) {
  const place = { name: "dynamo", baseURL: `${url}/v1`, supportsStructuredOutputs: true };
  return actionsOf(createOpenAICompatible(place)(model));
}
