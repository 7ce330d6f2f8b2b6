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
// of Qwen3-0.6B. A worker is handed its blocks in rising order until all have been used; so steps
// make the pages of the blocks that follow, a page a thread and step until all layers have theirs.
// Workers that share a pool have parts of it, and each is ahead in its own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pool/thread_pool.h"

namespace dyn {

class PagesAhead {
 public:
  struct Layers {
    std::byte* blocks;  // [num_layers, num_blocks, block_bytes]
    uint32_t num_layers;
    uint32_t num_blocks;
    uint32_t block_size;  // Slots.
    size_t block_bytes;
  };

  PagesAhead() = default;  // Empty: no pages are made.
  explicit PagesAhead(const Layers& layers);

  // Before a step that writes to `slots`. Within a job of `threads`.
  void stay_ahead_of(std::span<const int32_t> slots, ThreadPool* threads);

 private:
  // The blocks [group * page_blocks_, (group + 1) * page_blocks_) in one layer.
  struct Page {
    uint32_t group;
    uint32_t layer;
  };

  void want(uint32_t group, uint32_t max_pages);
  void make(const Page& page) const;

  Layers layers_ = {};
  uint32_t page_blocks_ = 1;
  std::vector<uint32_t> num_made_;  // [groups] Layers that have the group's page: the first ones.
  std::vector<Page> wanted_;        // For the running step.
};

}  // namespace dyn
