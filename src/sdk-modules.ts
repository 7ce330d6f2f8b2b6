// Makes what the executable carries importable by the files of users, which lie beside it: "dynamo",
// "dynamo/components" and "valibot"; and the graphs that are built in. Each thread has its own copies, so each calls
// this before it imports a graph.

import * as valibot from "valibot"; // imported before the plugin is, which would answer it with itself

import { builtInModules } from "./built-in-graphs.ts";
import { EMBEDDED_MODULES, type EmbeddedModule } from "./serve/import-words.ts";

const LOADERS: Readonly<Record<EmbeddedModule, () => Promise<Record<string, unknown>>>> = {
  dynamo: () => import("./sdk/index.ts"),
  "dynamo/components": () => import("./components/index.ts"),
  valibot: async () => valibot,
};

export function installSdkModules(): void {
  Bun.plugin({
    name: "dynamo",
    setup(build) {
      for (const name of EMBEDDED_MODULES) {
        build.module(name, async () => ({ exports: await LOADERS[name](), loader: "object" }));
      }
      for (const { name, text } of builtInModules) {
        build.module(name, () => ({ contents: text, loader: "ts" }));
      }
    },
  });
}
