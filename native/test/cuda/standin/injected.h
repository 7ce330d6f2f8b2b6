// Faults and facts that a test asks the stand-in for, in DYNAMO_STANDIN_CUDA: words with commas between.
//
//   no-device          cuInit finds no GPU
//   driver=12020       the driver's version
//   devices=2          how many GPUs there are
//   memory=268435456   bytes of each
//   capability=90      of the GPU, 80 by default
//   integrated         the GPU shares the host's memory
//   oom=N, host-oom=N  the N-th allocation of the device, or of pinned memory, fails
//   fail-launch=N      the N-th launch is refused
//   lose=N             the device is lost in the N-th launch
//   hang=N             the N-th launch never ends
//   recovers           a new primary context works again after a fault; without it the fault is the process's
//   checks=all         races and unwritten shared memory too
//   seed=N             order of blocks and warps

#pragma once

#include <cstdint>
#include <string>

namespace standin {

struct Injected {
  bool has_no_device = false;
  bool is_integrated = false;
  bool recovers = false;
  bool checks_all = false;
  int driver_version = 13000;
  int num_devices = 1;
  int capability = 80;
  uint32_t seed = 0;
  uint64_t memory_bytes = uint64_t{512} << 20;
  uint64_t oom_at = 0;  // Counted from 1; 0 is never.
  uint64_t host_oom_at = 0;
  uint64_t fail_launch_at = 0;
  uint64_t lose_at = 0;
  uint64_t hang_at = 0;
};

// Ends the process with a line if a word is not known: a test's fault, not the engine's.
Injected parse_injected(const std::string& words);
// Those of the environment, read once; a test that is linked with the stand-in sets others.
Injected& injected();

}  // namespace standin
