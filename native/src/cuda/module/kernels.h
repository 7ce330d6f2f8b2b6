// Kernels: the modules of this library on one GPU, and their kernels by name.

#pragma once

#include <array>
#include <cstdint>

#include "cuda/driver/context.h"
#include "cuda/driver/stream.h"

namespace dyn::cuda {

enum class Kernel : uint32_t {
  kEmbed,
  kRmsNorm,
  kHeads,
  kSwiglu,
  kGemmFew8,
  kGemmFew16,
  kGemmFew32,
  kGemmMany,
  kAttend32,  // By the padded head size; each is followed by the merge of its spans.
  kMergeSpans32,
  kAttend64,
  kMergeSpans64,
  kAttend128,
  kMergeSpans128,
  kSample,
};
inline constexpr uint32_t kNumKernels = static_cast<uint32_t>(Kernel::kSample) + 1;

// Blocks, and threads of each.
struct Grid {
  uint32_t x;
  uint32_t y;
  uint32_t threads;
};

class Kernels {
 public:
  Kernels() = default;
  Kernels(const Kernels&) = delete;
  Kernels& operator=(const Kernels&) = delete;
  ~Kernels();

  Status load(const Context& context);

  // Enqueues a kernel whose one parameter is *args. A grid without blocks is nothing to do.
  template <typename Args>
  Status launch(const Stream& stream, Kernel kernel, const Grid& grid, const Args& args) const {
    return launch_any(stream, kernel, grid, &args);
  }

 private:
  static constexpr uint32_t kNumModules = 4;

  Status launch_any(const Stream& stream, Kernel kernel, const Grid& grid, const void* args) const;

  const Context* context_ = nullptr;
  std::array<CUmodule, kNumModules> modules_ = {};
  std::array<CUfunction, kNumKernels> functions_ = {};
};

}  // namespace dyn::cuda
