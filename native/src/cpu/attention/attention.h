// Causal attention over the paged KV cache, for ragged batches that mix prefill and decode.
//
//     p = softmax(cap(scale * q . K));  out = p V
//
// Work is cut as in vLLM's CPU attention: an item is a query tile (neighbouring tokens of one
// sequence) times one KV head. The query heads that share the KV head, times the tokens of the
// tile, are the rows of a matrix product, so K and V are read once for all of them.
//
// The softmax is taken online (arXiv:1805.02867) over tiles of 64 positions, and started anew for
// each span of 512 positions (flash decoding); a row's spans are merged in order at the end. Tiles
// and spans lie at multiples of 64 and 512 of the sequence, on any thread. So spans may be
// computed by different threads, and a token's result depends on its sequence and nothing else.
//
// Letters: M rows of a tile, D head size padded to a multiple of 16.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/arena.h"
#include "cpu/attention/kv_layer.h"
#include "graph/model_config.h"
#include "graph/spans.h"

namespace dyn {

inline constexpr uint32_t kMaxTileRows = 64;  // M
static_assert(kMaxTileRows >= kMaxHeadGroup, "a tile holds a token of a whole group of heads");

// Tokens of a query tile. More than 48 rows gain nothing and fall out of the first-level cache.
constexpr uint32_t tile_tokens(uint32_t group_size) {
  return group_size >= 48 ? 1 : 48 / group_size;
}

// Floats that one row takes in one span's part: D sums of p V, the maximum, the sum of p.
constexpr size_t part_stride(uint32_t padded_head_size) {
  return size_t{padded_head_size} + 16;
}

// One query tile and KV head.
struct AttentionItem {
  const float* q;  // [num_tokens, q_stride], of which [group_size, head_size] are this KV head's
  float* out;      // Likewise.
  size_t q_stride;
  uint32_t num_tokens;
  uint32_t group_size;
  uint32_t kv_head;
  const int32_t* block_table;  // [ceil(context_len / block_size)]
  uint32_t context_len;        // Positions the last token attends to, its own included.
  uint32_t sliding_window;     // Positions at most that a token attends to; 0: all.
  float scale;                 // Factor of the scores.
  float softcap;               // c of c tanh(score / c), which the scores become; 0: they stay.

  uint32_t num_rows() const { return num_tokens * group_size; }
  // Row m attends to [row_begin(m), row_end(m)).
  uint32_t row_end(uint32_t row) const { return context_len - (num_tokens - 1) + row / group_size; }
  uint32_t row_begin(uint32_t row) const {
    const uint32_t end = row_end(row);
    return sliding_window == 0 || end <= sliding_window ? 0 : end - sliding_window;
  }
  uint32_t first_span() const { return row_begin(0) / kAttentionSpan; }
  uint32_t num_spans() const { return (context_len - 1) / kAttentionSpan + 1 - first_span(); }
};

// Scratch memory of a thread.
struct AttentionScratch {
  uint32_t* q;         // [M, D] as F32 or as pairs of BF16
  float* scores;       // [M, 64]
  uint32_t* weights;   // [M, 64] as F32 or as pairs of BF16
  float* sums;         // [M, D] of the running span
  float* totals;       // [M, D] of the spans before
  std::byte* strips;   // [4] strips of the pool's type, for positions that do not lie together
  uint32_t* k_strips;  // [4, 16, D] as the kernel multiplies them, where the pool's type is another
  uint32_t* v_strips;  // [4, 16, D]

  void place(const KvLayer& layer, Arena* arena);
};

// The kernels of one instruction set.
struct AttentionKernels {
  // Computes the item whole.
  void (*attend)(const KvLayer& layer, const AttentionItem& item, const AttentionScratch& scratch);

  // Computes the item's span `span` alone, into `part`.
  void (*attend_span)(const KvLayer& layer, const AttentionItem& item, uint32_t span,
                      const AttentionScratch& scratch, float* part /* [M, part_stride] */);

  // Merges the parts of all of the item's spans, to the bits of attend().
  void (*merge_spans)(const KvLayer& layer, const AttentionItem& item,
                      const float* parts /* [num_spans, M, part_stride] */,
                      const AttentionScratch& scratch);
};

// The kernels of `isa`, which the CPU must have.
const AttentionKernels& attention_kernels(dyn_isa isa);

extern const AttentionKernels kPortableAttention;
#if defined(__x86_64__)
extern const AttentionKernels kAvx2Attention;
extern const AttentionKernels kAvx512Attention;
#elif defined(__aarch64__)
extern const AttentionKernels kNeonAttention;
#endif

}  // namespace dyn
