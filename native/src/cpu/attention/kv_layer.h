// KvLayer: one layer of the paged KV cache, and how K and V lie in it.
//
// Positions of a block lie in strips of 16, so that one vector holds a score of each position:
//
//     K of a strip   F32: [D, 16]      BF16, int8: [D / 2, 16, 2]
//     V of a strip   F32: [16, D]      BF16, int8: [8, D, 2]
//     int8 only: the scales of 16 Ks, then of 16 Vs, F32
//
// D is the head size, filled up with zeros to a multiple of 16. The strips of a block and a KV head
// follow each other, then come those of the next KV head. A block whose size is no multiple of 16
// ends with a strip that is not full.
//
// An int8 x stands for x * scale, with scale = max |x| / 127 over the D elements of one token.

#pragma once

#include <cstddef>
#include <cstdint>

#include "dynamo_engine.h"

namespace dyn {

inline constexpr uint32_t kStrip = 16;  // Positions.

struct KvLayer {
  std::byte* blocks;  // [num_blocks, num_kv_heads, strips of a block, strip_bytes]
  dyn_kv_dtype dtype;
  uint32_t num_kv_heads;
  uint32_t head_size;
  uint32_t block_size;
  uint32_t padded_head_size;  // D
  uint32_t strips_per_block;
  size_t part_bytes;  // K's part of a strip, and V's.
  size_t strip_bytes;

  std::byte* strip(uint32_t block, uint32_t kv_head, uint32_t index) const {
    return blocks +
           ((size_t{block} * num_kv_heads + kv_head) * strips_per_block + index) * strip_bytes;
  }
  size_t block_bytes() const { return strip_bytes * strips_per_block * num_kv_heads; }
};

// The layers of a KV pool; layer l starts l * bytes_per_layer behind the first.
struct KvLayers {
  KvLayer first;
  size_t bytes_per_layer;

  KvLayer at(size_t layer) const {
    KvLayer result = first;
    result.blocks += layer * bytes_per_layer;
    return result;
  }
};

KvLayer make_kv_layer(dyn_kv_dtype dtype, uint32_t num_kv_heads, uint32_t head_size,
                      uint32_t block_size);

// Stores the K and V of one token in its slot: block * block_size + offset.
void write_kv(const KvLayer& layer, uint32_t slot, const float* k /* [num_kv_heads, head_size] */,
              const float* v /* [num_kv_heads, head_size] */);

// Copies what the pool holds for one position and KV head into position `lane` of `strip`, which
// lies as a strip of the pool does.
void copy_position(const KvLayer& layer, uint32_t slot, uint32_t kv_head, uint32_t lane,
                   std::byte* strip /* [strip_bytes] */);

}  // namespace dyn
