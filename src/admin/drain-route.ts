// An instance is taken out of service: 202 while it drains, 200 when it has ended. To ask again only tells.

import type { OpenAIBackend } from "../door/backend.ts";
import type { Exchange } from "../door/exchange.ts";

export async function drain(
  backend: Pick<OpenAIBackend, "drain">,
  exchange: Exchange,
  instance: string,
): Promise<Response> {
  const { state, timeoutMs } = await backend.drain(instance);
  const body = { instance, state, drain_timeout_s: timeoutMs / 1000 };
  return exchange.json(body, state === "drained" ? 200 : 202);
}
