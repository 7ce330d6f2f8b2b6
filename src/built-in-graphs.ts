// The graphs that the executable carries, by the name that a command line gives them. They are carried as
// text and run like a user's file: bundled with the rest, classes of one name would be renamed, and a
// service is found by its class's name.

import agg from "../graphs/agg.ts" with { type: "text" };
import aggRouter from "../graphs/agg_router.ts" with { type: "text" };
import disagg from "../graphs/disagg.ts" with { type: "text" };
import disaggRouter from "../graphs/disagg_router.ts" with { type: "text" };
import disaggRouterless from "../graphs/disagg_routerless.ts" with { type: "text" };
import helloWorld from "../graphs/hello_world.ts" with { type: "text" };
import routerless from "../graphs/routerless.ts" with { type: "text" };
import twoModels from "../graphs/two_models.ts" with { type: "text" };

// TypeScript takes no notice of the attribute: for it these are the graphs, while they are their texts.
const TEXTS: Readonly<Record<string, string>> = {
  "graphs.agg": String(agg),
  "graphs.disagg": String(disagg),
  "graphs.disagg_router": String(disaggRouter),
  "graphs.disagg_routerless": String(disaggRouterless),
  "graphs.agg_router": String(aggRouter),
  "graphs.hello_world": String(helloWorld),
  "graphs.routerless": String(routerless),
  "graphs.two_models": String(twoModels),
};

const SCHEME = "dynamo:";

/** Imported only when asked for: by main to read it, by an actor's thread to run its part. */
export const builtInGraphs: Readonly<Record<string, () => Promise<object>>> = Object.fromEntries(
  Object.keys(TEXTS).map((name) => [name, () => import(SCHEME + name)]),
);

/** Modules that those imports resolve to; see sdk-modules.ts. */
export const builtInModules: readonly { readonly name: string; readonly text: string }[] =
  Object.entries(TEXTS).map(([name, text]) => ({ name: SCHEME + name, text }));
