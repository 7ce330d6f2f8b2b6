// `dynamo rm`: a model out of the cache.

import { HubError } from "../hub/hub-error.ts";
import type { Command, CommandInput } from "./command.ts";
import { bytesText, hubNameOf, withHub } from "./hub.ts";
import { throwAll, UsageError } from "./usage-error.ts";

export const rmCommand: Command = {
  meta: { name: "rm", description: "Remove a model from the Hugging Face cache" },
  synonyms: {},
  args: {
    model: { type: "positional", required: true, description: "ORG/REPO, with all its revisions" },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  epilogue: "",
  run: remove,
};

function remove({ positionals, problems, context }: CommandInput): Promise<number> {
  throwAll(problems);
  const { repo, tag, revision } = hubNameOf(positionals[0], "rm");
  if (tag !== undefined || revision !== "main") {
    throw new UsageError(`a model is removed with all its files: dynamo rm ${repo}`);
  }
  return withHub(context, async ({ cache }) => {
    const isThere = (await cache.list()).some((model) => model.repo === repo);
    if (!isThere) throw new HubError(`${repo} is not in ${cache.directory}`);
    context.out(`removed ${repo}: ${bytesText(await cache.remove(repo))}\n`);
    return 0;
  });
}
