/** What the executable carries for the files of users (src/sdk-modules.ts provides it), by the name to import. */
export const EMBEDDED_MODULES = ["dynamo", "dynamo/components", "valibot"] as const;

export type EmbeddedModule = (typeof EMBEDDED_MODULES)[number];

export function isEmbedded(specifier: string): specifier is EmbeddedModule {
  return EMBEDDED_MODULES.some((name) => name === specifier);
}
