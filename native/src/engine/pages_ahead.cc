#include "engine/pages_ahead.h"

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
      page_blocks_(static_cast<uint32_t>(std::max<size_t>(1, kHugePage / layers.block_bytes))) {}

void PagesAhead::stay_ahead_of(uint32_t block, ThreadPool* threads) {
  const uint32_t needed = pages_until(block / page_blocks_ * uint64_t{page_blocks_} + page_blocks_);
  const uint32_t wanted = pages_until(uint64_t{block} + 1 + page_blocks_);
  const uint32_t at_once = num_made_ + threads->num_threads();
  const uint32_t end = std::max(needed, std::min(wanted, at_once));
  if (end <= num_made_) return;
  threads->parallel_for(end - num_made_, [&](uint32_t i, uint32_t) { make(num_made_ + i); });
  num_made_ = end;
}

// Pages for the first `num_blocks` blocks in all layers; where those are a part of a page, for the
// same part of the layers.
uint32_t PagesAhead::pages_until(uint64_t num_blocks) const {
  const uint64_t all = uint64_t{layers_.num_layers} * ceil_div(layers_.num_blocks, page_blocks_);
  return static_cast<uint32_t>(std::min(layers_.num_layers * num_blocks / page_blocks_, all));
}

// Where the system cannot (before Linux 5.14), pages come with their first use.
void PagesAhead::make(uint32_t page) const {
  const uint32_t first = page / layers_.num_layers * page_blocks_;
  const uint32_t end = std::min(first + page_blocks_, layers_.num_blocks);
  const size_t layer = size_t{page % layers_.num_layers} * layers_.num_blocks;
  const auto system_page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = (layer + first) * layers_.block_bytes / system_page * system_page;
  const size_t size = (layer + end) * layers_.block_bytes - begin;
  madvise(layers_.blocks + begin, size, MADV_POPULATE_WRITE);
}

}  // namespace dyn
