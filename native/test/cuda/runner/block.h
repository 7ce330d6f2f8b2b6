// A block that runs: its shared memory, its barriers, and what orders its warps.

#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "runner/launch.h"
#include "runner/race_log.h"

namespace ptx {

class Warp;

enum class ByteState : uint8_t { kUnwritten, kWritten, kCopying };

// One launch's, shared by its blocks.
struct Grid {
  const Kernel& kernel;
  const Shape& shape;
  std::span<const uint8_t> parameters;
  const MemoryMap& memory;
  const RunOptions& options;
  RaceLog global_log;
  std::mt19937 random;
  uint64_t num_segments = 0;
};

class Block {
 public:
  explicit Block(Grid& grid);
  ~Block();

  // Runs block number `number` of the grid to its end.
  void run(uint32_t number);

  Grid& grid;
  uint32_t index[3] = {0, 0, 0};
  uint32_t number = 0;
  std::vector<uint8_t> shared;    // From kSharedBase on.
  std::vector<ByteState> states;  // The bytes' in shared; kept with Checks::kAll.
  std::vector<uint8_t> local;     // [thread][local_bytes]
  RaceLog shared_log;
  std::vector<Clock> clocks;  // [warp]

  bool checks_all() const { return grid.options.checks == Checks::kAll; }

  // A warp comes to a barrier, and waits there or not; those that wait go on when the last has come.
  void arrive(Warp& warp, uint32_t id, uint32_t num_threads, uint32_t votes);

  std::string name_of(const Access& access) const;

 private:
  struct Barrier {
    std::vector<Warp*> waiting;
    uint32_t num_warps = 0;    // That have come.
    uint32_t num_needed = 0;   // Threads; 0 is all of the block.
    uint32_t num_threads = 0;  // Lanes of the warps that have come, without those that ended.
    uint32_t votes = 0;
    int line = 0;
    Clock joined = {};
  };

  void begin(uint32_t block_number);
  // The warp that runs next, or null if none can.
  Warp* choose();
  void open(Barrier& barrier);
  uint32_t num_warps() const { return static_cast<uint32_t>(warps_.size()); }
  [[noreturn]] void report_stop() const;

  std::vector<std::unique_ptr<Warp>> warps_;
  std::vector<uint32_t> priorities_;  // By seed: one warp runs ahead of the others.
  Barrier barriers_[16];
};

}  // namespace ptx
