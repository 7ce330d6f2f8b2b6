// A model on disk as the engine needs it: checked numbers, and where each tensor's bytes lie.

export type DType = "F32" | "F16" | "BF16";

/** A tensor's place in a file. The bounds were checked against the file's size. */
export interface TensorSlice {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly numBytes: number;
}

/** The numbers of a Llama-shaped decoder, checked and complete. */
export interface ModelConfig {
  readonly architecture: "llama";
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
  /** Longest context that the model was made for, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** The head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
  /** q, k and v have a bias (Qwen2). */
  readonly attentionBias?: boolean;
  /** Each head of q and k passes an RMSNorm before RoPE (Qwen3). */
  readonly qkNorm?: boolean;
  /** In which order the rows of q and k give a head's elements; GGUF files of Llama interleave them. */
  readonly ropeLayout?: "halves" | "interleaved";
  readonly bosTokenId: number | undefined;
  /** From config.json and generation_config.json together. */
  readonly eosTokenIds: readonly number[];
}

/** Llama 3.1's frequency-dependent scaling of the rotary embedding. */
export interface RopeScaling {
  readonly type: "llama3";
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositionEmbeddings: number;
}

/** Sampling defaults that a model's maker ships in generation_config.json. */
export interface GenerationDefaults {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
}

/** What a model's configuration files say; its weights were not looked at. */
export interface ModelCard {
  /** Absolute path of the directory. */
  readonly directory: string;
  readonly config: ModelConfig;
  readonly generationDefaults: GenerationDefaults;
}

/** A model directory, opened and checked. */
export interface ModelFiles extends ModelCard {
  /**
   * The tensors that the engine needs, each with its right shape, by Hugging Face name:
   * `model.layers.0.self_attn.q_proj.weight` and so on. A tied model's one matrix is always under
   * `model.embed_tokens.weight`, whichever of its two names the file uses.
   */
  readonly tensors: ReadonlyMap<string, TensorSlice>;
}
