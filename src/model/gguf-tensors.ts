// The decoder's tensors under the names that GGUF files give them.

import { assert } from "../base/assert.ts";

/** Divisors of the rotary frequencies, where the model scales them; part of the configuration. */
export const ROPE_FACTORS = "rope_freqs.weight";

const GLOBAL_NAMES: ReadonlyMap<string, string> = new Map([
  ["model.embed_tokens", "token_embd"],
  ["model.norm", "output_norm"],
  ["lm_head", "output"],
]);

const LAYER_NAMES: ReadonlyMap<string, string> = new Map([
  ["input_layernorm", "attn_norm"],
  ["self_attn.q_proj", "attn_q"],
  ["self_attn.k_proj", "attn_k"],
  ["self_attn.v_proj", "attn_v"],
  ["self_attn.o_proj", "attn_output"],
  ["self_attn.q_norm", "attn_q_norm"],
  ["self_attn.k_norm", "attn_k_norm"],
  ["post_attention_layernorm", "ffn_norm"],
  ["mlp.gate_proj", "ffn_gate"],
  ["mlp.up_proj", "ffn_up"],
  ["mlp.down_proj", "ffn_down"],
]);

/** `model.layers.3.mlp.up_proj.weight` is `blk.3.ffn_up.weight`. */
export function ggufTensorName(name: string): string {
  const [, layer, inLayer, global, kind] =
    /^(?:model\.layers\.(\d+)\.(.+)|(.+))\.(weight|bias)$/.exec(name) ?? [];
  const known =
    layer === undefined ? GLOBAL_NAMES.get(global ?? "") : LAYER_NAMES.get(inLayer ?? "");
  assert(known !== undefined, `no GGUF name for the tensor ${name}`);
  return layer === undefined ? `${known}.${kind}` : `blk.${layer}.${known}.${kind}`;
}
