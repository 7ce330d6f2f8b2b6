import { createOpenAI } from "@ai-sdk/openai";

import { actionsOf } from "./vercel.mjs";

export function actions({ url, model }) {
  const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
  const thinking = { openai: { forceReasoning: true, reasoningSummary: "auto" } };
  return actionsOf(openai.responses(model), thinking);
}
