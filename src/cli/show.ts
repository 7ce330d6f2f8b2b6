// `dynamo show`: what a model is, before it is fetched.

import { HubError } from "../hub/hub-error.ts";
import type { ModelFacts } from "../hub/model-facts.ts";
import { hubNameText } from "../hub/model-name.ts";
import { lookUp } from "../hub/pull.ts";
import type { Selection } from "../hub/selection.ts";
import type { Command, CommandInput } from "./command.ts";
import { bytesText, hubNameOf, withHub } from "./hub.ts";
import { throwAll } from "./usage-error.ts";

export const showCommand: Command = {
  meta: { name: "show", description: "Tell what a model of the hub is, before it is fetched" },
  synonyms: {},
  args: {
    model: { type: "positional", required: true, description: "ORG/REPO, or ORG/REPO:TAG" },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  epilogue: "",
  run: show,
};

function show({ positionals, problems, context }: CommandInput): Promise<number> {
  throwAll(problems);
  const name = hubNameOf(positionals[0], "show");
  return withHub(context, async (session) => {
    if (session.settings.isOffline) {
      throw new HubError(`HF_HUB_OFFLINE is set: ${hubNameText(name)} is not looked up`);
    }
    const selection = await lookUp({ ...session, name });
    const facts = await session.client.facts(name);
    const isCached = (await session.cache.snapshotOf(name.repo, selection.commit)) !== undefined;
    const rows = [
      ["model", hubNameText(name)],
      ...rowsOfFacts(facts),
      ...rowsOfFiles(selection),
      ["in the cache", isCached ? "yes" : "no"],
    ];
    for (const [key = "", value] of rows) {
      context.out(`${key.padEnd(14)} ${value ?? "the hub does not tell"}\n`);
    }
    return 0;
  });
}

type Row = readonly [key: string, value: string | undefined];

function rowsOfFacts(facts: ModelFacts): readonly Row[] {
  const { family, numParameters, contextLength, hasTemplate, licence } = facts;
  return [
    ["family", family],
    ["parameters", numParameters && countText(numParameters)],
    ["context", contextLength && `${contextLength} tokens`],
    ["chat template", hasTemplate === undefined ? undefined : hasTemplate ? "yes" : "no"],
    ["licence", licence],
  ].map(([key, value]) => [String(key), value ? String(value) : undefined]);
}

function rowsOfFiles({ files, gguf }: Selection): readonly Row[] {
  const bytes = bytesText(files.reduce((sum, { size }) => sum + size, 0));
  return [
    ["format", gguf === undefined ? "safetensors" : `GGUF (${gguf})`],
    ["download", `${bytes} in ${files.length} files`],
    ["memory", `about ${bytes} for the weights, and the KV cache`],
  ];
}

function countText(count: number): string {
  return count < 1e9 ? `${(count / 1e6).toFixed(0)} M` : `${(count / 1e9).toFixed(1)} B`;
}
