// The graphs that the executable carries, by the name that a command line gives them. Each is
// imported only when it is asked for: by main to read it, by an actor's thread to run its part.

export const builtInGraphs: Readonly<Record<string, () => Promise<{ readonly default: unknown }>>> =
  {
    "graphs.agg": () => import("../graphs/agg.ts"),
    "graphs.hello_world": () => import("../graphs/hello_world.ts"),
  };
