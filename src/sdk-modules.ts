// Makes what the executable carries importable by the files of users, which lie beside it: "dynamo",
// "dynamo/components" and "valibot"; and the graphs that are built in. Each thread has its own copies, so each calls
// this before it imports a graph.

import * as valibot from "valibot"; // imported before the plugin is, which would answer it with itself

import { builtInModules } from "./built-in-graphs.ts";

export function installSdkModules(): void {
  Bun.plugin({
    name: "dynamo",
    setup(build) {
      const provide = (name: string, load: () => Promise<Record<string, unknown>>) => {
        build.module(name, async () => ({ exports: await load(), loader: "object" }));
      };
      provide("dynamo", () => import("./sdk/index.ts"));
      provide("dynamo/components", () => import("./components/index.ts"));
      provide("valibot", async () => valibot);
      for (const { name, text } of builtInModules) {
        build.module(name, () => ({ contents: text, loader: "ts" }));
      }
    },
  });
}
