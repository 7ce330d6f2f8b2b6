// The switches by which the families differ, whatever the format of their files.

import type { Architecture, ModelConfig } from "./model-files.ts";

type Switches = Pick<ModelConfig, "attentionBias" | "qkNorm">;

export const FAMILIES: Readonly<Record<Architecture, Switches>> = {
  llama: { attentionBias: false, qkNorm: false },
  mistral: { attentionBias: false, qkNorm: false },
  qwen2: { attentionBias: true, qkNorm: false },
  qwen3: { attentionBias: false, qkNorm: true },
};
