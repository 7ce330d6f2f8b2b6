import type { Fact } from "../fact.ts";

/** Models by name: the Hugging Face hub and its cache. */
export const HUB: readonly Fact[] = [
  {
    id: "pull",
    answer:
      "`dynamo pull ORG/REPO` fetches a model of the Hugging Face hub; a tag chooses a file, as `ORG/REPO:Q4_K_M`. What was interrupted goes on.",
    must: ["dynamo pull"],
    how: [
      "[pull|fetch] a model [from the hub|without serving it|]",
      "fetch a GGUF file with a tag",
      "resume a download",
    ],
    what: ["dynamo pull", "the command dynamo pull", "pulling a model"],
    key: ["dynamo pull", "pull model", "fetch model", "resume download"],
    heldOut: "Tonight I want the weights on the disk, tomorrow I serve them. Which command?",
  },
  {
    id: "list-command",
    answer: "`dynamo list` shows the models in the cache.",
    must: ["dynamo list"],
    how: [
      "[list|see|show] the [downloaded|cached|local|fetched|pulled] models",
      "see which models are on [this machine|my disk]",
    ],
    what: ["dynamo list", "the command dynamo list"],
    key: ["dynamo list", "downloaded models", "cached models", "local models"],
    heldOut: "Which command tells me what has been fetched so far?",
  },
  {
    id: "show-command",
    answer:
      "`dynamo show ORG/REPO` tells a model's family, parameters, format, context, licence and size, before it is fetched.",
    must: ["dynamo show"],
    how: [
      "[see|get|show] [details|information|the size|the licence|the context] of a model [before I fetch it|on the hub|]",
      "look at a model before the download",
    ],
    what: ["dynamo show", "the command dynamo show"],
    key: ["dynamo show", "model info", "model details", "model licence size"],
    heldOut: "How many gigabytes would that repository be, before I fetch it?",
  },
  {
    id: "rm-command",
    answer: "`dynamo rm ORG/REPO` removes a model from the cache, with all its revisions.",
    must: ["dynamo rm"],
    how: [
      "[remove|delete|erase|uninstall] a [model|downloaded model|pulled model]",
      "free the disk from a model",
    ],
    what: ["dynamo rm", "the command dynamo rm"],
    key: ["dynamo rm", "remove model", "delete model", "free disk"],
    heldOut: "The disk is full of weights I don't need. How do I throw one away?",
  },
  {
    id: "model-names",
    answer:
      "A model is named by its path, by `ORG/REPO` or `ORG/REPO:TAG` of the Hugging Face hub, or by ollama's name, as `qwen3:0.6b`. A path that exists wins.",
    must: ["ORG/REPO", "path"],
    how: [
      "name a model",
      "[use|serve] a model [by its name|by name]",
      "serve a model that ollama has",
      "use models of LM Studio",
    ],
    what: ["names of models", "model names", "the ways to name a model"],
    key: ["model names", "org/repo", "ollama models", "model by name"],
    heldOut: "What may stand behind --model, apart from a folder?",
  },
  {
    id: "hub-cache",
    answer:
      "Fetched models are in Hugging Face's cache, `~/.cache/huggingface/hub`. `HF_HUB_CACHE` or `HF_HOME` put it elsewhere.",
    must: ["~/.cache/huggingface/hub"],
    how: [
      "[move|change] the [folder of downloaded models|model cache|cache of the hub]",
      "find the downloaded models on disk",
    ],
    what: ["the cache of the hub", "HF_HUB_CACHE", "HF_HOME", "the model cache"],
    key: ["HF_HOME", "HF_HUB_CACHE", "model cache folder", "where are downloaded models"],
    heldOut: "My home is small. Where do fetched weights lie, and how do I move them?",
  },
  {
    id: "hf-token",
    answer:
      "Set `HF_TOKEN` for gated and private models of the hub. It is sent to the hub's own host alone.",
    must: ["HF_TOKEN"],
    how: [
      "[fetch|pull|download|use] a [gated|private] model",
      "log in to Hugging Face",
      "give a Hugging Face token",
    ],
    what: ["HF_TOKEN", "a token of Hugging Face", "gated models", "private models"],
    key: ["HF_TOKEN", "gated model", "hugging face token", "private repository"],
    heldOut: "Llama's repository wants me to be logged in. How does dynamo know who I am?",
  },
  {
    id: "offline-flag",
    answer:
      "`--offline` or `HF_HUB_OFFLINE=1` opens no connection to the hub: only models that are on this machine are served.",
    must: ["--offline"],
    how: [
      "[forbid|prevent|turn off|disable] downloads",
      "keep it from going online",
      "make sure that nothing is fetched",
    ],
    what: ["--offline", "HF_HUB_OFFLINE", "the flag --offline"],
    key: ["--offline", "HF_HUB_OFFLINE", "no downloads", "forbid network"],
    heldOut: "Policy forbids any connection to the outside. Which flag guarantees it?",
  },
  {
    id: "pickle",
    answer:
      "Weights are read from safetensors and GGUF only. Pickled files, `.bin` and `.pt`, are not, since reading one runs its code.",
    must: ["safetensors", "GGUF"],
    how: ["[serve|load|use] [pytorch_model.bin|a .bin file|a .pt file|pickled weights]"],
    what: ["pytorch_model.bin", "pickled weights", ".bin files", ".pt files"],
    key: ["pytorch_model.bin", ".bin weights", "pickle", ".pt file"],
    heldOut: "The repository has only pytorch_model.bin. Does that load?",
  },
];
