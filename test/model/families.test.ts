// Each family's table against the names that published files have.

import { describe, expect, test } from "bun:test";

import { neededTensors } from "../../src/model/decoder-tensors.ts";
import { FAMILIES } from "../../src/model/families.ts";
import type { ModelConfig } from "../../src/model/model-files.ts";

const LLAMA = `
  model.embed_tokens.weight                       token_embd.weight          64 32
  model.norm.weight                               output_norm.weight         32
  lm_head.weight                                  output.weight              64 32
  model.layers.1.input_layernorm.weight           blk.1.attn_norm.weight     32
  model.layers.1.self_attn.q_proj.weight          blk.1.attn_q.weight        40 32
  model.layers.1.self_attn.k_proj.weight          blk.1.attn_k.weight        20 32
  model.layers.1.self_attn.v_proj.weight          blk.1.attn_v.weight        20 32
  model.layers.1.self_attn.o_proj.weight          blk.1.attn_output.weight   32 40
  model.layers.1.post_attention_layernorm.weight  blk.1.ffn_norm.weight      32
  model.layers.1.mlp.gate_proj.weight             blk.1.ffn_gate.weight      48 32
  model.layers.1.mlp.up_proj.weight               blk.1.ffn_up.weight        48 32
  model.layers.1.mlp.down_proj.weight             blk.1.ffn_down.weight      32 48
`;

const BIASES = `
  model.layers.1.self_attn.q_proj.bias            blk.1.attn_q.bias          40
  model.layers.1.self_attn.k_proj.bias            blk.1.attn_k.bias          20
  model.layers.1.self_attn.v_proj.bias            blk.1.attn_v.bias          20
`;

const QK_NORMS = `
  model.layers.1.self_attn.q_norm.weight          blk.1.attn_q_norm.weight   10
  model.layers.1.self_attn.k_norm.weight          blk.1.attn_k_norm.weight   10
`;

const POST_NORMS = `
  model.layers.1.post_attention_layernorm.weight    blk.1.post_attention_norm.weight  32
  model.layers.1.post_feedforward_layernorm.weight  blk.1.post_ffw_norm.weight        32
`;

const GEMMA = LLAMA.replace(".post_attention_layernorm", ".pre_feedforward_layernorm") + POST_NORMS;
const POST_NORMS_ALONE = LLAMA.replace(/.*layernorm.*\n/g, "") + POST_NORMS;
const OLMO =
  POST_NORMS_ALONE + QK_NORMS.replace(/(q_norm.*) 10/, "$1 40").replace(/(k_norm.*) 10/, "$1 20");

/** Tensors of an untied model: those of no layer, and those of its second one. */
const TENSORS: Readonly<Record<string, string>> = {
  llama: LLAMA,
  mistral: LLAMA,
  qwen2: LLAMA + BIASES,
  qwen3: LLAMA + QK_NORMS,
  ernie4_5: LLAMA,
  seed_oss: LLAMA.replace("blk.1.ffn_norm.weight", "blk.1.post_attention_norm.weight") + BIASES,
  gemma2: GEMMA,
  gemma3_text: GEMMA + QK_NORMS,
  olmo2: OLMO,
  olmo3: OLMO,
  exaone4: POST_NORMS_ALONE + QK_NORMS,
};

const SIZES = {
  ...{ vocabSize: 64, hiddenSize: 32, intermediateSize: 48, numLayers: 2 },
  ...{ numHeads: 4, numKvHeads: 2, headSize: 10, tieWordEmbeddings: false },
};

/** A model of the family as its own files make it. */
function tensorsOf(name: string) {
  const family = FAMILIES.find((one) => one.name === name);
  const attentionBias = family?.attentionBias !== "never";
  const config = { ...SIZES, architecture: name, attentionBias, qkNorm: family?.qkNorm };
  return [...neededTensors(config as ModelConfig)]; // of which the table reads no more
}

describe("a family", () => {
  test.each(FAMILIES.map(({ name }) => name))("%s names its tensors as its files do", (name) => {
    const needed = tensorsOf(name).map(
      ({ huggingFace, gguf, shape }) => `${huggingFace} ${gguf} ${shape.join(" ")}`,
    );
    const expected = (TENSORS[name] ?? "").trim().split(/\n+/);
    const ofOneLayer = needed.filter((line) => !line.includes(".0."));
    expect(ofOneLayer.toSorted()).toEqual(
      expected.map((line) => line.trim().replace(/ +/g, " ")).toSorted(),
    );
    expect(needed.length - ofOneLayer.length).toBe(ofOneLayer.length - 3);
  });

  test.each(FAMILIES.map(({ name }) => name))(
    "%s has one tensor for each role and layer",
    (name) => {
      const places = tensorsOf(name).map(({ role, layer }) => `${role} ${layer}`);
      expect(new Set(places).size).toBe(places.length);
    },
  );

  test("is known by names that no other has", () => {
    const classes = FAMILIES.map(({ architecture }) => architecture);
    const inGguf = FAMILIES.flatMap(({ gguf }) => gguf?.architecture ?? []);
    for (const names of [FAMILIES.map(({ name }) => name), classes, inGguf]) {
      expect(new Set(names).size).toBe(names.length);
    }
  });
});
