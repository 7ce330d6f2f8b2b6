// The configurations that the executable carries, by the path that a command line gives them.

import agg from "../configs/agg.yaml" with { type: "text" };
import builtIn from "../configs/built-in.yaml" with { type: "text" };
import disagg from "../configs/disagg.yaml" with { type: "text" };
import helloWorld from "../configs/hello_world.yaml" with { type: "text" };
import mock from "../configs/mock.yaml" with { type: "text" };

export const builtInConfigs: Readonly<Record<string, string>> = {
  "configs/agg.yaml": agg,
  "configs/built-in.yaml": builtIn,
  "configs/disagg.yaml": disagg,
  "configs/hello_world.yaml": helloWorld,
  "configs/mock.yaml": mock,
};

/** Used for a graph that needs a model and is given none. */
export const DEFAULT_CONFIG = "configs/built-in.yaml";
