import { createAnthropic } from "@ai-sdk/anthropic";

import { actionsOf } from "./vercel.mjs";

export function actions({ url, model }) {
  const forms = { anthropic: { structuredOutputMode: "outputFormat" } };
  return actionsOf(createAnthropic({ baseURL: `${url}/v1`, apiKey: "none" })(model), {}, forms);
}
