// `dynamo pull`: a model from the Hugging Face hub into the cache that its tools share.

import { createLogger } from "../base/log.ts";
import { Progress } from "../base/progress.ts";
import { HubError } from "../hub/hub-error.ts";
import { hubNameText } from "../hub/model-name.ts";
import { pullModel } from "../hub/pull.ts";
import type { Command, CommandInput } from "./command.ts";
import { bytesText, hubNameOf, withHub } from "./hub.ts";
import { throwAll } from "./usage-error.ts";

export const pullCommand: Command = {
  meta: { name: "pull", description: "Fetch a model from the Hugging Face hub" },
  synonyms: {},
  args: {
    model: {
      type: "positional",
      required: true,
      description: "ORG/REPO, ORG/REPO:Q4_K_M for a GGUF file of it, ORG/REPO@REVISION",
    },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  epilogue: `Only safetensors, GGUF, JSON, tokenizer and template files are fetched, and each is checked against its digest.
A pull that was ended goes on where it was. Without a tag a repository of GGUF files gives Q4_K_M, else Q8_0.

ENVIRONMENT

  HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME   where the cache is (default: ~/.cache/huggingface/hub)
  HF_TOKEN, HF_TOKEN_PATH                 a token, for gated and private models
  HF_ENDPOINT                             another hub
  HF_HUB_OFFLINE=1                        opens no socket

EXAMPLES

  dynamo pull Qwen/Qwen3-0.6B
  dynamo pull Qwen/Qwen3-8B-GGUF:Q8_0
`,
  run: pull,
};

function pull({ positionals, problems, context }: CommandInput): Promise<number> {
  throwAll(problems);
  const name = hubNameOf(positionals[0], "pull");
  return withHub(context, async (session) => {
    if (session.settings.isOffline) {
      throw new HubError(`HF_HUB_OFFLINE is set: ${hubNameText(name)} is not fetched`);
    }
    const log = createLogger("dynamo", "info", context.err);
    const progress = new Progress({
      what: `pulling ${hubNameText(name)}`,
      log,
      clock: session.clock,
    });
    try {
      const { path, numFiles, totalBytes } = await pullModel({
        ...session,
        name,
        onProgress: (done, total) => progress.report(done, total),
      });
      progress.end();
      context.out(`${path}: ${numFiles} files, ${bytesText(totalBytes)}\n`);
      context.out(`serve it: dynamo serve --model ${hubNameText(name)}\n`);
      return 0;
    } finally {
      progress.end();
    }
  });
}
