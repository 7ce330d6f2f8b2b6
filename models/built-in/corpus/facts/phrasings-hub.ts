// Whole questions, by the id of the fact: models by name: the Hugging Face hub and its cache.

export const PHRASINGS_HUB: Readonly<Record<string, readonly string[]>> = {
  pull: [
    "is there a pull command",
    "how do I fetch weights without starting a server",
    "can a broken download go on",
    "I want the Q4_K_M file of a repository",
    "how do I choose a quantization on the hub",
  ],
  "list-command": [
    "what models do I have on disk",
    "is there a list command",
    "which weights have I already pulled",
    "how do I see what is in the cache of models",
    "show me the models that are here",
  ],
  "show-command": [
    "how large is a model on the hub",
    "what licence does a hub model have",
    "can I look at a model before I download it",
    "how do I see the context of a model on the hub",
    "is there a show command",
  ],
  "rm-command": [
    "how do I get rid of a downloaded model",
    "can dynamo delete a model",
    "is there an rm command",
    "I need space on my disk again",
    "how do I erase a model from the cache",
  ],
  "model-names": [
    "how is a model named",
    "can I use models that ollama has fetched",
    "what may I write as the model",
    "does it find what LM Studio downloaded",
    "which kinds of names does --model take",
  ],
  "hub-cache": [
    "where does pull put the files",
    "can downloads go to another disk",
    "which folder has the fetched models",
    "does it share the cache with Python's huggingface tools",
    "what is HF_HOME for",
  ],
  "hf-token": [
    "the hub says 401 for this model",
    "the repository is private",
    "how do I log in at the hub",
    "pull fails since the model is gated",
    "which variable has my hub token",
  ],
  "offline-flag": [
    "can I forbid downloads",
    "it must never contact the hub",
    "what does --offline do",
    "the box may not reach the internet. Which switch",
    "how do I stop it from fetching models",
  ],
  pickle: [
    "can I serve a .pt file",
    "are bin files all right",
    "why is pytorch_model.bin not fetched",
    "my weights are pickled",
    "does it read PyTorch checkpoints",
  ],
};
