// Routes for those who operate the server.

import { type ApiRoute, get } from "../door/api-route.ts";
import type { AppContext } from "../door/generate.ts";
import { health, metricsText } from "./health.ts";
import { kvEvents } from "./kv-event-route.ts";
import { changeSetting, listSettings } from "./setting-routes.ts";

export function adminRoutes(context: AppContext): readonly ApiRoute[] {
  const { backend } = context;
  const open = { access: "open" } as const;
  const operator = { access: "operator" } as const;
  return [
    get("/health", (x) => health(backend, x), open),
    get("/live", (x) => x.json(LIVE), open),
    get("/metrics", (x) => metricsText(context, x), operator),
    get("/kv_events", (x) => kvEvents(context, x), operator),
    get("/config", (x) => listSettings(backend.settings, x), operator),
    {
      method: "PUT",
      path: "/config/:service/:key",
      handler: (x, param) =>
        changeSetting(backend.settings, x, { service: param("service"), key: param("key") }),
      ...operator,
    },
  ];
}

const LIVE = { status: "live", message: "Service is live" };
