// Facts of the server's health, and of how much it does.

import type { Exchange } from "../door/exchange.ts";
import type { AppContext } from "../door/generate.ts";

/** Healthy means that a request sent now can be routed. */
export function health({ backend, isDraining }: AppContext, exchange: Exchange): Response {
  if (isDraining) {
    const message = "The server is about to end, and takes no new requests";
    return exchange.json({ status: "unhealthy", message }, 503);
  }
  if (backend.models().length === 0 || backend.isStarting()) {
    return exchange.json({ status: "unhealthy", message: "No endpoints available" }, 503);
  }
  return exchange.json({ status: "healthy", endpoints: backend.endpoints() });
}

/** The frontend's families first; what the rest cannot tell now is missing, and logged. */
export async function metricsText({ metrics, backend, log }: AppContext, exchange: Exchange) {
  const own = await metrics.registry.metrics();
  const rest = await backend.metrics().catch((error: unknown) => {
    log.warn("metrics of the services are missing", { error: String(error) });
    return "";
  });
  return exchange.text(own + rest, metrics.registry.contentType);
}
