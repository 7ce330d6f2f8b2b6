// Routes for those who operate the server.

import { version } from "../../package.json";
import { type ApiRoute, get, post } from "../door/api-route.ts";
import type { AppContext } from "../door/generate.ts";
import { drain } from "./drain-route.ts";
import { health, metricsText } from "./health.ts";
import { kvEvents } from "./kv-event-route.ts";
import { changeSetting, listSettings } from "./setting-routes.ts";

export function adminRoutes(context: AppContext): readonly ApiRoute[] {
  const { backend } = context;
  const open = { access: "open" } as const;
  const operator = { access: "operator" } as const;
  return [
    get("/health", (x) => health(context, x), { ...open, summary: "Whether it can answer." }),
    get("/ping", (x) => health(context, x), { summary: "The same, as vLLM names it." }),
    post("/ping", (x) => health(context, x), { summary: "The same." }),
    get("/live", (x) => x.json(LIVE), { ...open, summary: "Whether its process runs." }),
    get("/version", (x) => x.json({ version }), { summary: "The server's version." }),
    get("/metrics", (x) => metricsText(context, x), { ...operator, summary: "Prometheus text." }),
    get("/kv_events", (x) => kvEvents(context, x), {
      ...{ ...operator, summary: "What prefix caches store and remove, as events." },
    }),
    get("/config", (x) => listSettings(backend.settings, x), {
      ...{ ...operator, summary: "Settings that may change while it serves." },
    }),
    {
      method: "PUT",
      path: "/config/:service/:key",
      handler: (x, param) =>
        changeSetting(backend.settings, x, { service: param("service"), key: param("key") }),
      ...{ ...operator, summary: "Changes one." },
    },
    post("/drain/:instance", (x, param) => drain(backend, x, param("instance")), {
      ...{ access: "local", summary: "Takes an instance out of service, as VllmWorker:1." },
    }),
  ];
}

const LIVE = { status: "live", message: "Service is live" };
