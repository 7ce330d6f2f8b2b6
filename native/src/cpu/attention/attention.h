// Causal attention of one token over the paged KV cache, for the heads that share a K and V.
//
//     p = softmax(q . K / sqrt(head_size));  out = p V
//
// The softmax is taken online (arXiv:1805.02867) over tiles of 64 positions that start at multiples
// of 64 of the sequence, in prefill and decode alike, and K and V are read as the pool holds them.
// So a token's result depends on its sequence and nothing else.

#pragma once

#include <cstddef>
#include <cstdint>

namespace dyn {

inline constexpr uint32_t kMaxHeadGroup = 64;  // Query heads per KV head.

// One layer of the pool. Within a block and KV head: K as [head_size, block_size], so that scores
// of neighbouring positions are computed together, then V as [block_size, head_size].
struct KvLayer {
  float* blocks;  // [num_blocks, num_kv_heads, 2, block_size * head_size]
  uint32_t num_kv_heads;
  uint32_t head_size;
  uint32_t block_size;  // Multiples of 16 are fast.

  size_t block_elements() const { return size_t{block_size} * head_size; }
  float* k(uint32_t block, uint32_t kv_head) const {
    return blocks + (size_t{block} * num_kv_heads + kv_head) * 2 * block_elements();
  }
  float* v(uint32_t block, uint32_t kv_head) const { return k(block, kv_head) + block_elements(); }
};

// Stores the K and V of one token in its slot: block * block_size + offset.
void write_kv(const KvLayer& layer, uint32_t slot, const float* k /* [num_kv_heads, head_size] */,
              const float* v /* [num_kv_heads, head_size] */);

struct AttentionItem {
  const float* q;  // [group_size, head_size], the query heads of kv_head
  float* out;      // [group_size, head_size]
  uint32_t group_size;
  uint32_t kv_head;
  const int32_t* block_table;  // [ceil(context_len / block_size)]
  uint32_t context_len;        // Positions to attend to, the token's own included.
};

void attend(const KvLayer& layer, const AttentionItem& item);

}  // namespace dyn
