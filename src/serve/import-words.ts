// Texts for a wrong import in a user's file; they name what there is instead.

import { readdirSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";

import { didYouMean } from "../base/nearest.ts";

/** Modules that the executable carries for users' files (src/sdk-modules.ts provides them), by the name to import. */
export const EMBEDDED_MODULES = ["dynamo", "dynamo/components", "valibot"] as const;

export type EmbeddedModule = (typeof EMBEDDED_MODULES)[number];

export function isEmbedded(specifier: string): specifier is EmbeddedModule {
  return EMBEDDED_MODULES.some((name) => name === specifier);
}

const CARRIED = `The executable carries ${EMBEDDED_MODULES.join(", ")}`;

/** `specifier`, as `referrer` imports it, leads nowhere. */
export function missingModule(specifier: string, referrer: string): string {
  return /^[./]/.test(specifier) ? missingFile(specifier, referrer) : missingPackage(specifier);
}

function missingPackage(specifier: string): string {
  return (
    `there is no package ${JSON.stringify(specifier)}.${didYouMean(specifier, EMBEDDED_MODULES)} ` +
    `${CARRIED}; any other package is looked for in node_modules beside the file (npm install)`
  );
}

function missingFile(specifier: string, referrer: string): string {
  const path = resolve(dirname(referrer), specifier);
  const folder = dirname(specifier);
  const beside = filesIn(dirname(path)).map((name) => {
    const shown = extname(specifier) === "" ? basename(name, extname(name)) : name;
    return folder === "." ? `./${shown}` : join(folder, shown);
  });
  return `there is no file ${path}.${didYouMean(specifier, beside)} Imports are relative to the file that they stand in`;
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it is not there, or not for this user: nothing to suggest
  }
}

/** `name` is imported from `module`, which does not export it. */
export async function missingExportText(name: string, module: string): Promise<string> {
  if (!isEmbedded(module)) return `${basename(module)} does not export ${JSON.stringify(name)}`;
  const names = Object.keys(await import(module)).filter((one) => one !== "default");
  if (name === "default") {
    return `"${module}" has no default export; import names of it, as in import { ${names.find((one) => one === "Service") ?? names[0]} } from "${module}"`;
  }
  const shown = names.length > 40 ? "" : ` It exports ${names.toSorted().join(", ")}`;
  return `"${module}" does not export ${JSON.stringify(name)}.${didYouMean(name, names)}${shown}`;
}
