// Pages made ahead of use: there before anything is written, in every layer, and no more of them
// than are wanted.

#include "cpu/pages_ahead.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/mapping.h"
#include "check.h"
#include "run_on.h"

namespace {

using namespace dyn;

constexpr uint32_t kNumLayers = 4;
constexpr uint32_t kNumBlocks = 60;
constexpr uint32_t kPageBlocks = 8;
constexpr uint32_t kBlockSize = 16;
constexpr size_t kBlockBytes = size_t{256} << 10;
constexpr size_t kLayerBytes = kNumBlocks * kBlockBytes;

// Blocks of a layer, from the first on, whose pages are all there.
uint32_t blocks_made(const Mapping& memory, uint32_t layer) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> is_there(kLayerBytes / page);
  CHECK(mincore(memory.data() + layer * kLayerBytes, kLayerBytes, is_there.data()) == 0);
  const auto end = std::find_if(is_there.begin(), is_there.end(),
                                [](unsigned char there) { return (there & 1) == 0; });
  return static_cast<uint32_t>(static_cast<size_t>(end - is_there.begin()) * page / kBlockBytes);
}

std::vector<uint32_t> blocks_made(const Mapping& memory) {
  std::vector<uint32_t> counts;
  for (uint32_t layer = 0; layer < kNumLayers; ++layer) {
    counts.push_back(blocks_made(memory, layer));
  }
  return counts;
}

struct Pool {
  Pool() {
    CHECK(Mapping::create(kNumLayers * kLayerBytes, "blocks", &memory).ok());
    CHECK(threads.start(2).ok());
  }

  void stay_ahead_of(PagesAhead* ahead, uint32_t block) { stay_ahead_of(ahead, block, block); }

  // A step that writes to two blocks, and to all between them.
  void stay_ahead_of(PagesAhead* ahead, uint32_t first, uint32_t last) {
    std::vector<int32_t> slots;
    for (uint32_t slot = first * kBlockSize; slot < (last + 1) * kBlockSize; ++slot) {
      slots.push_back(static_cast<int32_t>(slot));
    }
    bench::run_on(&threads, [&] { ahead->stay_ahead_of(slots, &threads); });
  }

  PagesAhead::Layers layers() const {
    return {.blocks = memory.data(),
            .num_layers = kNumLayers,
            .num_blocks = kNumBlocks,
            .block_size = kBlockSize,
            .block_bytes = kBlockBytes};
  }

  Mapping memory;
  ThreadPool threads;
};

void pages_are_made_as_they_are_used_up() {
  Pool pool;
  PagesAhead ahead(pool.layers());
  CHECK(blocks_made(pool.memory) == std::vector<uint32_t>(kNumLayers, 0));
  uint32_t most = 0;
  for (uint32_t block = 0; block < kNumBlocks; ++block) {
    const auto before = blocks_made(pool.memory);
    pool.stay_ahead_of(&ahead, block);
    const auto after = blocks_made(pool.memory);
    uint32_t made = 0;
    for (uint32_t layer = 0; layer < kNumLayers; ++layer) {
      CHECK(after[layer] > block);
      made += (after[layer] - before[layer] + kPageBlocks - 1) / kPageBlocks;
    }
    if (block > 0) most = std::max(most, made);
    pool.memory.data()[block * kBlockBytes] = std::byte{1};
  }
  CHECK(most <= 2);  // A thread a page, where all layers need one every eight blocks.
  CHECK(pool.memory.data()[0] == std::byte{1});
}

void a_step_may_use_many_pages() {
  Pool pool;
  PagesAhead ahead(pool.layers());
  pool.stay_ahead_of(&ahead, 0, 30);
  for (const uint32_t count : blocks_made(pool.memory)) CHECK(count > 30 && count < 48);
  pool.stay_ahead_of(&ahead, 3);
  pool.stay_ahead_of(&ahead, 31, kNumBlocks - 1);
  CHECK(blocks_made(pool.memory) == std::vector<uint32_t>(kNumLayers, kNumBlocks));
}

// As many blocks of a pool are another worker's.
void the_blocks_of_others_are_left_alone() {
  Pool pool;
  PagesAhead ahead(pool.layers());
  pool.stay_ahead_of(&ahead, 40);
  CHECK(blocks_made(pool.memory) == std::vector<uint32_t>(kNumLayers, 0));
  pool.stay_ahead_of(&ahead, 0);
  for (const uint32_t count : blocks_made(pool.memory)) CHECK(count >= 8 && count < 40);
}

void pages_of_nothing_are_not_made() {
  Pool pool;
  PagesAhead ahead;
  pool.stay_ahead_of(&ahead, 30);
  CHECK(blocks_made(pool.memory) == std::vector<uint32_t>(kNumLayers, 0));
}

// As KvPool::discard asks for it: a part of each layer, that begins and ends within a page.
void discarded_blocks_take_nothing_and_others_stay() {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  Mapping memory;
  CHECK(Mapping::create(8 * page, "blocks", &memory).ok());
  std::memset(memory.data(), 1, memory.size());
  memory.discard(page / 2, 4 * page);
  std::vector<unsigned char> is_there(8);
  CHECK(mincore(memory.data(), memory.size(), is_there.data()) == 0);
  for (size_t i = 0; i < 8; ++i) CHECK(((is_there[i] & 1) == 0) == (i >= 1 && i < 4));
  CHECK(memory.data()[0] == std::byte{1} && memory.data()[page - 1] == std::byte{1});
  CHECK(memory.data()[page] == std::byte{0} && memory.data()[4 * page] == std::byte{1});
  memory.discard(page / 2, page / 4);
  CHECK(memory.data()[page / 2] == std::byte{1});
}

}  // namespace

int main() {
  check_claim("pages are made as they are used up", pages_are_made_as_they_are_used_up);
  check_claim("a step may use many pages", a_step_may_use_many_pages);
  check_claim("the blocks of others are left alone", the_blocks_of_others_are_left_alone);
  check_claim("pages of nothing are not made", pages_of_nothing_are_not_made);
  check_claim("memory of discarded blocks is given back, and no other",
              discarded_blocks_take_nothing_and_others_stay);
  return check_finish();
}
