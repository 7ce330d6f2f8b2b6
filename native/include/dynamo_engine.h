// dynamo_engine.h: the C ABI of the inference engine, and the only header that TypeScript sees.
//
//   dyn_device   the CPU with its one pool of compute threads, or a GPU; one per process and
//                ordinal. Engines on it take whole steps in turn, so n workers never oversubscribe
//                the cores
//   dyn_model    the packed weights of one model on one device; read-only, shared by every engine
//                on it
//   dyn_kv_pool  the paged K and V of one model on one device; shared, so handing a sequence from
//                one engine to another moves block numbers, never bytes
//   dyn_engine   workspace and one batch; one per worker
//
// The library knows tokens and blocks; it does not know requests. The scheduler
// (src/engine/scheduler.ts) decides what runs in a step, an engine runs it:
//
//     device -> model, wait -> pool -> engine_open -> batch -> { fill in, submit, wait }* -> close
//
// Conventions
//   1. Every call that can fail returns dyn_status. dyn_last_error() then says why, in one line;
//      the text belongs to the calling thread and lasts until its next call. "Errors" below are
//      those besides DYN_INVALID_ARGUMENT, which every call gives for a null pointer or a handle
//      that is not open.
//   2. Nothing here prints, throws, aborts or exits: the library is a guest in a server process.
//   3. One engine is driven by one thread at a time. Which engine may write which block of a shared
//      pool is the caller's business (src/engine/block-manager.ts).
//   4. A handle is one owner's reference to an object of the process. Devices, models and pools are
//      shared: opening the same key again gives a new handle to the same object, and waits where
//      another thread is still making it. A model that could not be loaded keeps its key until all
//      its handles are closed. An object lives as long as a handle, or an object made
//      on it, needs it. dyn_owner_release(owner) closes what a dead worker left behind, after its
//      running step has ended. Closing a handle twice is DYN_INVALID_ARGUMENT, no crash.
//   5. Memory is sized at open and never grows. Exceeding a limit is DYN_INVALID_ARGUMENT.
//   6. Structs have fixed-width fields and no padding. src/engine/abi.ts mirrors them, and
//      test/engine/abi.test.ts compares the two.
//   7. No paths, JSON, text or grammars cross this line. Model files are parsed in TypeScript,
//      where a bad length cannot write; a file descriptor and a checked table of (tensor, dtype,
//      shape, offset) arrive here. Descriptors stay the caller's, and are copied if they are used
//      after the call.
//   8. Same bits, always: what a sequence gets does not depend on what else is in the batch, on how
//      its prompt was cut into steps, on the block size or on the number of threads.
//
// Shapes: S sequences and T tokens in a step, R rows of logits, M blocks per sequence, P penalised
// and B banned tokens, A biases, L likeliest tokens, W words of a mask; all bounded in
// dyn_engine_config. P is R times the smaller of max_model_len and the vocabulary. Names and meanings follow vLLM's attention metadata (PagedAttention:
// arXiv:2309.06180).

#ifndef DYNAMO_ENGINE_H_
#define DYNAMO_ENGINE_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DYN_API __attribute__((visibility("default")))

#define DYN_ABI_VERSION 12u
#define DYN_ATTENTION_TILE 64u       // Positions that attention reads together.
#define DYN_MAX_LAYERS 512u          // Most layers of a model.
#define DYN_MAX_BANNED_TOKENS 64u    // Most tokens that one row of logits may ban.
#define DYN_MAX_BIASES 1024u         // Most biases of one row.
#define DYN_MAX_LOGPROBS 20u         // Most likeliest tokens that one row names.
#define DYN_WAIT_FOREVER UINT32_MAX  // As timeout_us.
#define DYN_THREADS_ANY 0u           // As num_threads: what the device has, or one per usable CPU.
#define DYN_NO_SAMPLE (-1)           // As sampled_ids: the row's logits were no distribution.

typedef enum dyn_status {
  DYN_OK = 0,
  DYN_INVALID_ARGUMENT = 1,  // The caller broke a rule of this header.
  DYN_MODEL_NOT_LOADABLE = 2,
  DYN_OUT_OF_MEMORY = 3,  // At open only. A full KV pool is the scheduler's business.
  DYN_TIMEOUT = 4,        // dyn_engine_wait, dyn_model_wait: not done yet.
  DYN_DEVICE_LOST = 5,    // The device is gone. Close all that is open on it and end the worker.
  DYN_NO_DEVICE = 6,      // This machine, or this build, has no device of that kind.
} dyn_status;

// The device that computes. All CPUs of the machine are one device; each GPU is one.
typedef enum dyn_device_kind {
  DYN_DEVICE_CPU = 0,
  DYN_DEVICE_CUDA = 1,
} dyn_device_kind;

// Types of weights. Matrices may be of any, vectors of the first three. Those with a Q in the name,
// and MXFP4, are GGUF's: a row is blocks of 32 elements, of 256 in the K types and IQ4_XS, so its
// length is a multiple.
typedef enum dyn_dtype {
  DYN_F32 = 0,
  DYN_F16 = 1,
  DYN_BF16 = 2,
  DYN_Q8_0 = 3,
  DYN_Q4_0 = 4,
  DYN_Q4_K = 5,
  DYN_Q5_K = 6,
  DYN_Q6_K = 7,
  DYN_GPTQ = 8,     // These three: 4 bits in three tensors, see dyn_part. This one stores a zero
  DYN_GPTQ_V2 = 9,  // point of one less,
  DYN_AWQ = 10,     // and this one packs outputs, in the order 0, 2, 4, 6, 1, 3, 5, 7.
  DYN_Q4_1 = 11,
  DYN_Q5_0 = 12,
  DYN_Q5_1 = 13,
  DYN_Q2_K = 14,
  DYN_Q3_K = 15,
  DYN_IQ4_NL = 16,
  DYN_IQ4_XS = 17,
  DYN_MXFP4 = 18,
  DYN_MXFP4_PLANES = 19,  // Quants of MXFP4 alone, 16 bytes for 32 elements: element 2 i is the low
                          // half of byte i; exponents are its DYN_SCALES,
  DYN_E8M0 = 20,          // of this type, [N, K / 32].
} dyn_dtype;

// The tensors of one matrix [N, K] that is stored in 4 bits, G groups of a multiple of 32 inputs with
// a scale and a zero point each. Eight 4-bit numbers stand in 32 bits, the first in the lowest.
typedef enum dyn_part {
  DYN_WHOLE = 0,   // All of a matrix of another dtype. GPTQ: [K / 8][N], AWQ: [K][N / 8] of those.
  DYN_ZEROS = 1,   // Shape [G, N] in the matrix's dtype: [G][N / 8].
  DYN_SCALES = 2,  // Shape [G, N] in F32, F16 or BF16.
} dyn_part;

// Format that matrices of F32, F16 or BF16 get when they are loaded. Blocks stay what they are.
typedef enum dyn_quantization {
  DYN_QUANTIZATION_NONE = 0,
  DYN_QUANTIZATION_Q8 = 8,  // 8 bits, a scale for 32 weights.
  DYN_QUANTIZATION_Q4 = 4,  // 4 bits likewise, but 8 for the embedding and the head.
} dyn_quantization;

// How an image of packed weights is taken from its file; bits.
typedef enum dyn_load {
  DYN_LOAD_MAP = 1,  // Mapped and shared by all that map it, not read into memory of its own:
                     // the system may drop pages and read them again. Else it is read.
  DYN_LOAD_IMAGE_ONLY = 2,  // There is nothing else: without a whole image the load fails.
} dyn_load;

// Source of a model's weights.
typedef enum dyn_weights_source {
  DYN_WEIGHTS_PACKED = 0,
  DYN_WEIGHTS_CACHED = 1,
} dyn_weights_source;

// Reason for the number of compute threads.
typedef enum dyn_threads_by {
  DYN_THREADS_BY_CONFIGURATION = 0,
  DYN_THREADS_BY_CPUS = 1,           // One per CPU.
  DYN_THREADS_BY_AFFINITY = 2,       // The process may not run on all CPUs.
  DYN_THREADS_BY_CONTROL_GROUP = 3,  // Its control groups give it the time of fewer.
} dyn_threads_by;

// Instruction sets that there are kernels for. A device uses one of them for all of its models.
typedef enum dyn_isa {
  DYN_ISA_ANY = 0,  // The best that this CPU has.
  DYN_ISA_PORTABLE = 1,
  DYN_ISA_AVX2 = 2,    // With FMA.
  DYN_ISA_AVX512 = 3,  // With VNNI and BF16.
  DYN_ISA_NEON = 4,    // With the dot product.
  DYN_ISA_NEON_BF16 = 5,
  DYN_ISA_NEON_V8 = 6,  // Without the dot product: ARMv8.0.
} dyn_isa;

// How the pool holds K and V.
typedef enum dyn_kv_dtype {
  DYN_KV_F32 = 0,
  DYN_KV_BF16 = 1,
  DYN_KV_INT8 = 2,  // With a scale for each token and head.
} dyn_kv_dtype;

// A tensor's role in a decoder; q = num_heads * head_size, kv = num_kv_heads * head_size, experts =
// num_experts, expert = expert_size.
typedef enum dyn_role {
  DYN_EMBEDDING = 0,       // [vocab, hidden]
  DYN_FINAL_NORM = 1,      // [hidden]
  DYN_HEAD = 2,            // [vocab, hidden]; absent where tie_word_embeddings is 1
  DYN_ATTENTION_NORM = 3,  // [hidden]               This and the following: once a layer.
  DYN_Q = 4,               // [q, hidden]
  DYN_K = 5,               // [kv, hidden]
  DYN_V = 6,               // [kv, hidden]
  DYN_O = 7,               // [hidden, q]
  DYN_MLP_NORM = 8,        // [hidden]
  DYN_GATE = 9,            // [intermediate, hidden] These three: where a layer has no router.
  DYN_UP = 10,             // [intermediate, hidden]
  DYN_DOWN = 11,           // [hidden, intermediate]
  DYN_Q_BIAS = 12,         // [q]                    These three: where attention_bias is not 0.
  DYN_K_BIAS = 13,         // [kv]
  DYN_V_BIAS = 14,         // [kv]
  DYN_Q_NORM = 15,         // [head_size] or [q]     These two: as dyn_qk_norm says.
  DYN_K_NORM = 16,         // [head_size] or [kv]
  DYN_POST_ATTENTION_NORM = 17,  // [hidden]         These two: as dyn_norms says.
  DYN_POST_MLP_NORM = 18,        // [hidden]
  DYN_ROUTER = 19,               // [experts, hidden]      A layer that has it has experts.
  DYN_ROUTER_BIAS = 20,          // [experts]              Where expert_bias is 1.
  DYN_O_BIAS = 21,               // [hidden]               Where attention_bias is 2.
  DYN_SINKS = 22,                // [num_heads]            Where attention_sinks is 1.
  DYN_EXPERT_GATE = 23,          // [expert, hidden]       These three: once an expert.
  DYN_EXPERT_UP = 24,            // [expert, hidden]
  DYN_EXPERT_DOWN = 25,          // [hidden, expert]
  DYN_EXPERT_GATE_BIAS = 26,     // [expert]               These three: where expert_bias is 1.
  DYN_EXPERT_UP_BIAS = 27,       // [expert]
  DYN_EXPERT_DOWN_BIAS = 28,     // [hidden]
} dyn_role;

// Row order of rotary pairs in the q and k weights. Attention gives the same bits for both.
typedef enum dyn_rope_layout {
  DYN_ROPE_HALVES = 0,       // Pairs are (i, i + head_size / 2), as in Hugging Face's checkpoints.
  DYN_ROPE_INTERLEAVED = 1,  // Pairs are (2i, 2i + 1), as in GGUF files of Llama.
} dyn_rope_layout;

// RMSNorms of the residual stream in a layer: of what attention and the MLP read, and of what they
// give before it is added.
typedef enum dyn_norms {
  DYN_NORMS_BEFORE = 0,  // DYN_ATTENTION_NORM and DYN_MLP_NORM.
  DYN_NORMS_AROUND = 1,  // Those, and the two roles that begin with POST (Gemma).
  DYN_NORMS_BEHIND = 2,  // The latter alone (OLMo 2).
} dyn_norms;

// RMSNorms of q and k, before RoPE.
typedef enum dyn_qk_norm {
  DYN_QK_NORM_NONE = 0,
  DYN_QK_NORM_HEADS = 1,  // Each head on its own, with one weight for all (Qwen3).
  DYN_QK_NORM_ROWS = 2,   // All heads of a token as one (OLMo 2). For DYN_ROPE_HALVES only.
} dyn_qk_norm;

// f of the MLP: down(f(gate) * up).
typedef enum dyn_activation {
  DYN_ACTIVATION_SILU = 0,
  DYN_ACTIVATION_GELU_TANH = 1,  // GELU by its approximation with tanh.
  // g sigmoid(1.702 g), g at most 7; times up + 1, up within -7 and 7 (gpt-oss).
  DYN_ACTIVATION_CLAMPED = 2,
} dyn_activation;

// Purpose of a row of logits.
typedef enum dyn_row_kind {
  DYN_ROW_SAMPLE = 0,
  DYN_ROW_SCORE = 1,  // Says how likely `target` was, and samples nothing.
  DYN_ROW_POOL = 2,   // Copies the token's hidden state out, and samples nothing.
} dyn_row_kind;

typedef struct dyn_device dyn_device;
typedef struct dyn_model dyn_model;
typedef struct dyn_kv_pool dyn_kv_pool;
typedef struct dyn_engine dyn_engine;

// The place of a tensor's elements: row-major, little-endian, bytes [offset, offset + num_bytes) of
// the file.
typedef struct dyn_tensor {
  uint16_t role;    // dyn_role
  uint16_t dtype;   // dyn_dtype
  uint16_t layer;   // 0 for what is not part of a layer.
  uint16_t expert;  // 0 for what is not part of an expert.
  int32_t fd;
  uint16_t rank;      // 1 or 2
  uint16_t part;      // dyn_part
  uint64_t shape[2];  // A vector is [n, 1].
  uint64_t offset;
  uint64_t num_bytes;  // All elements.
  uint64_t
      row_stride;  // Bytes from one row, or element of a vector, to the next; 0: they lie together.
} dyn_tensor;

// Some of a model's layers may be local: with a window and rotary frequencies of their own.
typedef struct dyn_model_config {
  uint64_t key;  // Equal for equal models only: a hash of the files' identity and all the below.
  uint64_t local_layers[DYN_MAX_LAYERS / 64];  // A bit a layer, the first in the lowest: 1: local.
  double rms_norm_eps;
  double rope_magnitude;        // Factor of RoPE's sine and cosine: 1, or YaRN's.
  double local_rope_magnitude;  // Likewise in local layers; 0 where there are none.
  double embedding_scale;       // Factor of the embedding; 0: 1.
  double attention_scale;       // Factor of q K; 0: 1 / sqrt(head_size).
  double attention_softcap;     // c of c tanh(q K / c), which are the scores then; 0: they stay.
  double logit_softcap;         // Likewise of logits.
  uint32_t vocab_size;
  uint32_t hidden_size;
  uint32_t intermediate_size;
  uint32_t num_layers;
  uint32_t num_heads;  // A multiple of num_kv_heads, and at most 64 times as many.
  uint32_t num_kv_heads;
  uint32_t head_size;            // Even.
  uint32_t tie_word_embeddings;  // 1: the head is the embedding matrix.
  uint32_t attention_bias;       // 1: q, k and v have a bias (Qwen2); 2: o too (gpt-oss).
  uint32_t qk_norm;              // dyn_qk_norm
  uint32_t rope_layout;          // dyn_rope_layout
  uint32_t sliding_window;       // Positions a token attends to, its own included; 0: all.
  uint32_t local_window;         // Likewise in local layers; 0 where there are none.
  uint32_t norms;                // dyn_norms
  uint32_t norm_offset;          // 1: the weights w of all norms are stored as w - 1 (Gemma).
  uint32_t activation;           // dyn_activation
  uint32_t quantization;         // dyn_quantization
  uint32_t load;                 // dyn_load. Those who join a model take it as it is.
  uint32_t num_experts;  // In each layer that has a router, at most 1024; 0, and the next four too:
                         // no layer has.
  uint32_t num_experts_per_token;
  uint32_t expert_size;      // Inner size of an expert.
  uint32_t norm_top_k;       // 1: the weights of a token's experts sum up to 1; 0: those of all do.
  uint32_t expert_bias;      // 1: routers and experts have a bias.
  uint32_t attention_sinks;  // 1: each head has a score that joins the softmax, without a value.
} dyn_model_config;

typedef struct dyn_device_config {
  uint32_t num_threads;  // Compute threads of a CPU, or DYN_THREADS_ANY.
  uint32_t isa;          // dyn_isa of a CPU.
} dyn_device_config;

typedef struct dyn_device_facts {
  uint64_t memory_bytes;  // All of the device, free or not: a CPU's is the machine's RAM.
  uint32_t kind;          // dyn_device_kind
  uint32_t ordinal;
  uint32_t isa;             // dyn_isa of a CPU.
  uint32_t num_threads;     // Compute threads of a CPU.
  uint32_t pack_version;    // Changes with the form of packed weights.
  uint32_t threads_by;      // dyn_threads_by
  uint64_t free_bytes;      // These five are a GPU's: what of its memory is free now,
  uint32_t capability;      // 90 for compute capability 9.0,
  uint32_t driver_version;  // 13000 for a driver of CUDA 13.0,
  uint32_t shares_memory;   // 1 where its memory is the machine's RAM,
  uint32_t reserved;        // (0)
  char name[64];            // and "NVIDIA H100 80GB HBM3", ended by a 0.
} dyn_device_facts;

typedef struct dyn_model_progress {
  uint64_t num_bytes;       // The image: all packed weights, their checksums and a header.
  uint64_t num_bytes_done;  // So far.
  const void* image;        // Null until it is there. It may be written to a file as it is.
  uint32_t source;          // dyn_weights_source
  uint32_t opener;          // The owner whose dyn_model_open began the load; others have joined.
} dyn_model_progress;

typedef struct dyn_kv_pool_config {
  uint64_t key;  // Equal for equal pools of equal models only.
  uint32_t num_blocks;
  uint32_t block_size;  // Tokens per block. Multiples of 16 are fast and waste no memory.
  uint32_t kv_dtype;    // dyn_kv_dtype
  uint32_t reserved;    // 0
} dyn_kv_pool_config;

typedef struct dyn_engine_config {
  uint32_t max_num_seqs;            // S
  uint32_t max_num_rows;            // R, at least S: a row a sequence, and one for each draft.
  uint32_t max_num_batched_tokens;  // T
  uint32_t max_model_len;           // Longest sequence; M is this / block_size, rounded up.
} dyn_engine_config;

// Memory of a model, in bytes.
typedef struct dyn_model_sizes {
  uint64_t weights;  // Packed.
  uint64_t image;    // Their image as it is mapped: with its checksums, in whole pages.
} dyn_model_sizes;

// Memory of a KV pool and one engine on it, in bytes. Pages that no step has touched take
// nothing yet.
typedef struct dyn_engine_sizes {
  uint64_t kv_block;     // K and V of one block, in all layers.
  uint64_t kv_pool;      // All blocks as they are mapped, in whole pages.
  uint64_t batch;        // dyn_batch's arrays.
  uint64_t activations;  // For T tokens.
  uint64_t attention;  // Its plan, what threads share of long sequences, and each thread's scratch.
  uint64_t logits;     // [R, vocab]
  uint64_t sampling;   // Each thread's scratch.
  uint64_t workspace;  // The five above as they are mapped, in whole pages.
} dyn_engine_sizes;

// One row of logits: which token's, and what is done with it.
typedef struct dyn_row {
  uint64_t seed;             // Random numbers are f(seed, position) and nothing else.
  int32_t token;             // Index in token_ids: a decode, the end of a prompt, a draft.
  float temperature;         // 0 is greedy.
  float top_p;               // 1 is off.
  float min_p;               // 0 is off.
  int32_t top_k;             // 0 is off.
  float presence_penalty;    // 0 is off.
  float frequency_penalty;   // 0 is off.
  float repetition_penalty;  // 1 is off.
  uint32_t penalty_start;    // The row penalises num_penalties of penalty_token_ids from here on.
  uint32_t num_penalties;
  uint32_t banned_start;  // It may not sample num_banned of banned_token_ids from here on.
  uint32_t num_banned;    // At most DYN_MAX_BANNED_TOKENS.
  uint32_t
      bias_start;  // num_biases of bias_token_ids and biases from here on are added, first of all.
  uint32_t num_biases;    // At most DYN_MAX_BIASES, each token once.
  uint32_t mask;          // It may sample what masks[mask - 1] has a 1 for; 0: whatever it likes.
  uint32_t num_logprobs;  // Likeliest tokens to name, at most DYN_MAX_LOGPROBS.
  uint32_t kind;          // dyn_row_kind
  int32_t target;         // For DYN_ROW_SCORE. Else any value.
  uint32_t reserved[4];   // 0
} dyn_row;

// The form the scheduler fills in. The engine owns the arrays and lends them until it is closed, so
// TypeScript maps them once and a step allocates nothing. A fact stands once: where a token lies in
// its sequence, and where its K and V go, follows from the first four arrays.
typedef struct dyn_batch {
  int32_t* token_ids;          // [T]     Tokens of all sequences, end to end.
  int32_t* query_start_loc;    // [S + 1] Sequence s owns tokens [start[s], start[s + 1]).
  int32_t* seq_lens;           // [S]     Tokens to attend to: the last of them are this step's.
  int32_t* block_tables;       // [S, M]  KV block ids in sequence order. Unused tail: any value.
                               //         A block is not read where all layers have a window: if
                               //         it ends before the multiple of DYN_ATTENTION_TILE in or
                               //         at which the first token's window begins.
  dyn_row* rows;               // [R]
  int32_t* penalty_token_ids;  // [P]     Distinct tokens of prompt and output.
  int32_t* penalty_counts;     // [P]     Times in the output; 0 for a token of the prompt only.
  int32_t* banned_token_ids;   // [B]     B = R * DYN_MAX_BANNED_TOKENS.
  int32_t* bias_token_ids;     // [A]     A = R * DYN_MAX_BIASES.
  float* biases;               // [A]     Finite, or minus infinity.
  uint32_t* masks;             // [R, W]  A bit a token, the first in the lowest; W = vocab / 32,
                               //         rounded up.
  int32_t* sampled_ids;        // [R]     Out. DYN_NO_SAMPLE where a logit was NaN, or the largest
                               //         infinite; its neighbours are sampled all the same. The
                               //         target, where that is scored.
  float* logprobs;             // [R]     Out: of each sampled id, by the logits as they came.
  int32_t* ranks;              // [R]     Out, where num_logprobs is above 0 or a target is scored:
                               //         how many ids are as likely or likelier, by order of ids.
  int32_t* top_ids;            // [L]     Out: the row's num_logprobs likeliest from
                               //         row * DYN_MAX_LOGPROBS on, by the logits as they came;
                               //         DYN_NO_SAMPLE where there are no more.
  float* top_logprobs;         // [L]     Out, likewise.
  float* hidden_states;        // [R, hidden] Out, for DYN_ROW_POOL: behind the final norm. Its
                               //         sampled id is 0, or DYN_NO_SAMPLE where one is not finite.
} dyn_batch;

// The version that the library was built with; the caller compares it with DYN_ABI_VERSION.
DYN_API uint32_t dyn_abi_version(void);

// Why this thread's last call failed; "" where it did not.
DYN_API const char* dyn_last_error(void);

// Opens the `ordinal`th device of `kind` (dyn_device_kind); a CPU is 0. Once it is open, only the
// same config or DYN_THREADS_ANY and DYN_ISA_ANY are accepted.
// GPUs are counted as CUDA_VISIBLE_DEVICES leaves them.
// Errors: NO_DEVICE where there is no GPU at all: no driver, no device, or a build without CUDA;
// INVALID_ARGUMENT for an instruction set that this machine does not have, a GPU that is not there
// or that there are no kernels for, a driver that is too old, and for another config than the open
// device's; OUT_OF_MEMORY where threads cannot be made.
DYN_API dyn_status dyn_device_open(uint32_t kind, uint32_t ordinal, uint32_t owner,
                                   const dyn_device_config* config, dyn_device** device);

// Closes this handle of the device. No other errors.
DYN_API dyn_status dyn_device_close(dyn_device* device);

// Says what the device is. No other errors.
DYN_API dyn_status dyn_device_describe(dyn_device* device, dyn_device_facts* facts);

// Begins to read and pack all weights, on threads of its own, as many as the device has. The table
// holds each tensor exactly once. rope_frequencies [head_size / 2]: radians that each pair of a
// head turns from one position to the next, all scaling applied; 0 leaves a pair as it is. Where
// any layer is local, those of local layers follow: [2, head_size / 2].
//
// cache_fd: a file that holds the image of a model of this key, or -1. A file that is not whole, or
// of another key, kind of device, instruction set or version of packing, is passed over. A file
// that is mapped must not be cut or written to while the model is open.
// Errors: INVALID_ARGUMENT for a config that no decoder here runs, or another than the open model's
// of that key; MODEL_NOT_LOADABLE for a table that is not the config's, or a descriptor that is not
// open; OUT_OF_MEMORY.
DYN_API dyn_status dyn_model_open(dyn_device* device, uint32_t owner,
                                  const dyn_model_config* config, const double* rope_frequencies,
                                  const dyn_tensor* tensors, uint32_t num_tensors, int32_t cache_fd,
                                  dyn_model** model);

// Blocks until the weights are there, or for timeout_us; also says how far they are. The result is
// that of the load. Nothing can be opened on the model before.
// Errors: TIMEOUT; MODEL_NOT_LOADABLE for a file that is short, or an image that is damaged where
// there is nothing else; OUT_OF_MEMORY; DEVICE_LOST.
DYN_API dyn_status dyn_model_wait(dyn_model* model, uint32_t timeout_us,
                                  dyn_model_progress* progress);

// Closes this handle of the model. No other errors.
DYN_API dyn_status dyn_model_close(dyn_model* model);

// Says what dyn_model_open would take of memory. Takes none and opens no file: descriptors may be
// -1.
// Errors: those of dyn_model_open.
DYN_API dyn_status dyn_model_measure(dyn_device* device, const dyn_model_config* config,
                                     const dyn_tensor* tensors, uint32_t num_tensors,
                                     dyn_model_sizes* sizes);

// Reserves address space for the blocks. A block takes memory from its first use on.
// Errors: INVALID_ARGUMENT before the model is loaded, for sizes out of bounds, for a type of K and
// V that the device does not have, and for another shape than the open pool's of that key;
// OUT_OF_MEMORY; DEVICE_LOST.
DYN_API dyn_status dyn_kv_pool_open(dyn_model* model, uint32_t owner,
                                    const dyn_kv_pool_config* config, dyn_kv_pool** pool);

// Closes this handle of the pool. No other errors.
DYN_API dyn_status dyn_kv_pool_close(dyn_kv_pool* pool);

// Gives the memory of blocks [first_block, first_block + num_blocks) back to the system, but for
// pages that other blocks have a part of. No sequence may hold them; their next use takes memory
// again.
// Errors: INVALID_ARGUMENT for blocks that the pool does not have; DEVICE_LOST.
DYN_API dyn_status dyn_kv_pool_discard(dyn_kv_pool* pool, uint32_t first_block,
                                       uint32_t num_blocks);

// Takes the workspace and the batch for steps within the config.
// Errors: INVALID_ARGUMENT for a limit out of bounds; OUT_OF_MEMORY; DEVICE_LOST.
DYN_API dyn_status dyn_engine_open(dyn_kv_pool* pool, uint32_t owner,
                                   const dyn_engine_config* config, dyn_engine** engine);

// Likewise what dyn_kv_pool_open and dyn_engine_open would take, for a model that need not be open.
// Keys do not matter.
// Errors: those of dyn_model_open, dyn_kv_pool_open and dyn_engine_open.
DYN_API dyn_status dyn_engine_measure(dyn_device* device, const dyn_model_config* config,
                                      const dyn_tensor* tensors, uint32_t num_tensors,
                                      const dyn_kv_pool_config* pool,
                                      const dyn_engine_config* engine, dyn_engine_sizes* sizes);

// Says whether steps may be captured once and replayed as graphs: by default a GPU's are that decode
// few sequences. The bits are the same. A CPU has none, and takes no notice. Between steps only. No
// other errors.
DYN_API dyn_status dyn_engine_use_graphs(dyn_engine* engine, uint32_t are_used);

// Ends after the running step, if there is one. The batch's arrays are gone then. No other errors.
DYN_API dyn_status dyn_engine_close(dyn_engine* engine);

// Says where the engine's batch lies. No other errors.
DYN_API dyn_status dyn_engine_batch(dyn_engine* engine, dyn_batch* batch);

// Checks the whole batch, hands the step to the device and returns at once; the caller never
// computes. A batch that breaks a bound is refused before anything is written. The batch must not
// be touched until dyn_engine_wait says DYN_OK.
// Errors: INVALID_ARGUMENT for a batch that breaks a rule, and before the step that was submitted
// is waited for; DEVICE_LOST, also for every step after it.
DYN_API dyn_status dyn_engine_submit(dyn_engine* engine, uint32_t num_seqs, uint32_t num_tokens,
                                     uint32_t num_rows);

// Blocks until the submitted step is done, or for timeout_us.
// Errors: TIMEOUT; INVALID_ARGUMENT where no step was submitted; DEVICE_LOST.
DYN_API dyn_status dyn_engine_wait(dyn_engine* engine, uint32_t timeout_us);

// Says whether the owner's submitted steps go on, from any thread: a number that changes for as
// long as the device computes; 0 where no step of the owner is under way. For a watcher of a
// worker that is inside dyn_engine_wait. No other errors.
DYN_API dyn_status dyn_owner_progress(uint32_t owner, uint64_t* progress);

// Closes every handle of `owner`, whose thread must have ended. For a thread that outlives the
// workers. No errors; an owner may have none open.
DYN_API dyn_status dyn_owner_release(uint32_t owner);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // DYNAMO_ENGINE_H_
