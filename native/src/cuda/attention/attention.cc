#include "cuda/attention/attention.h"

#include "base/checked.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kWarp = 32;

struct Pair {
  Kernel attend;
  Kernel merge;
};

Pair kernels_of(uint32_t padded) {
  switch (padded) {
    case 32:
      return {Kernel::kAttend32, Kernel::kMergeSpans32};
    case 64:
      return {Kernel::kAttend64, Kernel::kMergeSpans64};
    default:
      return {Kernel::kAttend128, Kernel::kMergeSpans128};
  }
}

}  // namespace

uint32_t padded_head_size(uint32_t head_size) {
  for (const uint32_t padded : {32u, 64u}) {
    if (head_size <= padded) return padded;
  }
  return kLargestHeadSize;
}

Status attend(const Kernels& kernels, const Stream& stream, uint32_t max_items, uint32_t max_splits,
              const AttentionArgs& args) {
  const Pair pair = kernels_of(padded_head_size(args.head_size));
  RETURN_IF_ERROR(kernels.launch(stream, pair.attend,
                                 {.x = max_items, .y = args.num_kv_heads, .threads = kWarp}, args));
  return kernels.launch(stream, pair.merge,
                        {.x = max_splits * kTileRows, .y = args.num_kv_heads, .threads = kWarp},
                        args);
}

}  // namespace dyn::cuda
