// The configurations that the executable carries, by the path that a command line gives them.

import agg from "../configs/agg.yaml" with { type: "text" };
import aggRouter from "../configs/agg_router.yaml" with { type: "text" };
import builtIn from "../configs/built-in.yaml" with { type: "text" };
import builtInRouter from "../configs/built-in-router.yaml" with { type: "text" };
import disagg from "../configs/disagg.yaml" with { type: "text" };
import disaggRouter from "../configs/disagg_router.yaml" with { type: "text" };
import disaggRouterless from "../configs/disagg_routerless.yaml" with { type: "text" };
import helloWorld from "../configs/hello_world.yaml" with { type: "text" };
import mock from "../configs/mock.yaml" with { type: "text" };
import mockRouter from "../configs/mock-router.yaml" with { type: "text" };
import routerless from "../configs/routerless.yaml" with { type: "text" };
import scripted from "../configs/scripted.yaml" with { type: "text" };
import twoModels from "../configs/two_models.yaml" with { type: "text" };

export const builtInConfigs: Readonly<Record<string, string>> = {
  "configs/agg.yaml": agg,
  "configs/agg_router.yaml": aggRouter,
  "configs/built-in.yaml": builtIn,
  "configs/disagg.yaml": disagg,
  "configs/disagg_router.yaml": disaggRouter,
  "configs/disagg_routerless.yaml": disaggRouterless,
  "configs/built-in-router.yaml": builtInRouter,
  "configs/hello_world.yaml": helloWorld,
  "configs/mock.yaml": mock,
  "configs/mock-router.yaml": mockRouter,
  "configs/routerless.yaml": routerless,
  "configs/scripted.yaml": scripted,
  "configs/two_models.yaml": twoModels,
};

/** Used for a graph that needs a model and is given none. */
export const DEFAULT_CONFIG = "configs/built-in.yaml";
