// The place of a position's K and V in a layer's blocks of BF16:
//
//     [block][kv head] { K [block_size, D], V [block_size / 2, D, 2] }
//
// V lies in pairs of positions, as a product over positions takes them. D is the head size, filled
// up with zeros to a multiple of 32. A slot is block * block_size + offset.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/on_device.h"

namespace dyn::cuda {

struct KvPlace {
  uint32_t num_kv_heads;
  uint32_t padded_head_size;  // D
  uint32_t block_size;        // A multiple of 16.

  // Elements of one KV head's K, and of its V.
  DYN_ON_DEVICE size_t part_size() const { return size_t{block_size} * padded_head_size; }
  DYN_ON_DEVICE size_t block_elements() const { return 2 * part_size() * num_kv_heads; }

  DYN_ON_DEVICE size_t head_at(uint32_t block, uint32_t kv_head) const {
    return (size_t{block} * num_kv_heads + kv_head) * 2 * part_size();
  }
  DYN_ON_DEVICE size_t k_at(uint32_t slot, uint32_t kv_head, uint32_t d) const {
    return head_at(slot / block_size, kv_head) + size_t{slot % block_size} * padded_head_size + d;
  }
  DYN_ON_DEVICE size_t v_at(uint32_t slot, uint32_t kv_head, uint32_t d) const {
    const uint32_t offset = slot % block_size;
    return head_at(slot / block_size, kv_head) + part_size() +
           (size_t{offset / 2} * padded_head_size + d) * 2 + offset % 2;
  }
};

}  // namespace dyn::cuda
