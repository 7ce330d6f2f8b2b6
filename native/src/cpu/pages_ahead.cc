#include "cpu/pages_ahead.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/checked.h"

namespace dyn {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

PagesAhead::PagesAhead(const Layers& layers)
    : layers_(layers),
      page_blocks_(static_cast<uint32_t>(std::max<size_t>(1, kHugePage / layers.block_bytes))),
      num_made_(ceil_div(layers.num_blocks, page_blocks_)) {}

void PagesAhead::stay_ahead_of(std::span<const int32_t> slots, ThreadPool* threads) {
  if (num_made_.empty()) return;
  wanted_.clear();
  uint32_t highest = 0;
  for (const int32_t slot : slots) {
    const uint32_t group = static_cast<uint32_t>(slot) / layers_.block_size / page_blocks_;
    want(group, layers_.num_layers);
    highest = std::max(highest, group);
  }
  if (highest + 1 < num_made_.size()) want(highest + 1, threads->num_threads());
  threads->parallel_for(static_cast<uint32_t>(wanted_.size()),
                        [&](uint32_t i, uint32_t) { make(wanted_[i]); });
}

// Adds pages of the group that are not there yet, at most `max_pages`.
void PagesAhead::want(uint32_t group, uint32_t max_pages) {
  uint32_t& num_made = num_made_[group];
  const uint32_t end = std::min(num_made + max_pages, layers_.num_layers);
  for (; num_made < end; ++num_made) wanted_.push_back({.group = group, .layer = num_made});
}

// Pages come with their first use where the system cannot make them (before Linux 5.14).
void PagesAhead::make(const Page& page) const {
  const uint32_t first = page.group * page_blocks_;
  const uint32_t end = std::min(first + page_blocks_, layers_.num_blocks);
  const size_t layer = size_t{page.layer} * layers_.num_blocks;
  const auto system_page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = (layer + first) * layers_.block_bytes / system_page * system_page;
  const size_t size = (layer + end) * layers_.block_bytes - begin;
  madvise(layers_.blocks + begin, size, MADV_POPULATE_WRITE);
}

}  // namespace dyn
