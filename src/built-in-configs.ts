// The configurations that the executable carries, by the path that a command line gives them.

import agg from "../configs/agg.yaml" with { type: "text" };
import helloWorld from "../configs/hello_world.yaml" with { type: "text" };
import mock from "../configs/mock.yaml" with { type: "text" };

export const builtInConfigs: Readonly<Record<string, string>> = {
  "configs/agg.yaml": agg,
  "configs/hello_world.yaml": helloWorld,
  "configs/mock.yaml": mock,
};
