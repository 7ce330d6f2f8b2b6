// `dynamo list`: the models in the cache.

import type { CachedModel } from "../hub/cache.ts";
import { ggufVariants } from "../hub/gguf-names.ts";
import type { Command, CommandInput } from "./command.ts";
import { bytesText, withHub } from "./hub.ts";
import { throwAll } from "./usage-error.ts";

export const listCommand: Command = {
  meta: { name: "list", description: "List the models in the Hugging Face cache" },
  synonyms: {},
  args: { help: { type: "boolean", alias: "h", description: "Show this help" } },
  epilogue: "",
  run: list,
};

function list({ problems, context }: CommandInput): Promise<number> {
  throwAll(problems);
  return withHub(context, async ({ cache }) => {
    const rows = (await cache.list()).flatMap(rowsOf);
    if (rows.length === 0) {
      context.out(`no models in ${cache.directory}; fetch one: dynamo pull ORG/REPO\n`);
      return 0;
    }
    const width = Math.max(...rows.map(({ name }) => name.length));
    for (const { name, bytes, format } of rows) {
      context.out(`${name.padEnd(width)}  ${bytesText(bytes).padStart(8)}  ${format}\n`);
    }
    return 0;
  });
}

/** A row for each that could be served. */
function rowsOf({ repo, commit, refs, files }: CachedModel) {
  const at =
    refs.length === 0 ? `@${commit.slice(0, 12)}` : refs.includes("main") ? "" : `@${refs[0]}`;
  const weights = files.filter(({ path }) => /^[^/]+\.safetensors$/.test(path));
  const sum = (paths: readonly string[]) =>
    files.filter(({ path }) => paths.includes(path)).reduce((total, { size }) => total + size, 0);
  const variants = ggufVariants(files.map(({ path }) => path)).map(({ tag, paths }) => ({
    name: `${repo}${at}:${tag}`,
    bytes: sum(paths),
    format: "GGUF",
  }));
  if (weights.length === 0) return variants;
  const bytes = sum(weights.map(({ path }) => path));
  return [{ name: `${repo}${at}`, bytes, format: "safetensors" }, ...variants];
}
