// PagesAhead: has the system make the huge pages of a KV pool before the steps that use them.
//
//     layer 0 | used | made | made |
//     layer 1 | used | made |
//     layer 2 | used | made |
//               -------------------- blocks, a page of them at a time
//
// The first use of a page waits until the system has cleared it: 0.2 ms for 2 MiB, and 5 ms in a
// virtual machine whose host has yet to find the memory. Left to the first use, all layers come to
// a new page in the same step, each with one thread while the others wait for it: 130 ms for the 28
// of Qwen3-0.6B. Blocks are handed out in rising order until all have been used; so steps make the
// pages of the blocks that follow, a page a thread and step until they are one ahead in all layers.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pool/thread_pool.h"

namespace dyn {

class PagesAhead {
 public:
  struct Layers {
    std::byte* blocks;  // [num_layers, num_blocks, block_bytes]
    uint32_t num_layers;
    uint32_t num_blocks;
    size_t block_bytes;
  };

  PagesAhead() = default;  // Of nothing: no pages are made.
  explicit PagesAhead(const Layers& layers);

  // Before a step that writes to `block` and to none above it. Within a job of `threads`.
  void stay_ahead_of(uint32_t block, ThreadPool* threads);

 private:
  uint32_t pages_until(uint64_t num_blocks) const;
  void make(uint32_t page) const;

  Layers layers_ = {};
  uint32_t page_blocks_ = 1;
  uint32_t num_made_ = 0;  // Pages: those of all layers for the first blocks, then for the next.
};

}  // namespace dyn
