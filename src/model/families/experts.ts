import type { ModelConfig } from "../model-files.ts";
import { row, type TensorRow } from "./family.ts";

const hasExperts = (config: ModelConfig, layer: number) => config.experts?.layers[layer] === true;

/** Names in Hugging Face's files, behind the layer's: `mlp.gate`, `mlp.experts.*.up_proj`. */
export interface ExpertNames {
  readonly router: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** A layer's router and experts. GGUF files have one tensor for the same matrix of all experts. */
export function expertTensors({ router, gate, up, down }: ExpertNames): readonly TensorRow[] {
  const name = (rest: string) => `model.layers.*.${rest}.weight`;
  return [
    row("router", ["E", "H"], name(router), "blk.*.ffn_gate_inp.weight", hasExperts),
    row("expert_gate", ["M", "H"], name(gate), "blk.*.ffn_gate_exps.weight", hasExperts),
    row("expert_up", ["M", "H"], name(up), "blk.*.ffn_up_exps.weight", hasExperts),
    row("expert_down", ["H", "M"], name(down), "blk.*.ffn_down_exps.weight", hasExperts),
  ];
}
