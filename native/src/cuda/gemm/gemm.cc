#include "cuda/gemm/gemm.h"

#include <algorithm>

#include "base/checked.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kWarp = 32;
constexpr uint32_t kMaxWarps = 8;      // Most of a block of few rows.
constexpr uint32_t kMostFewRows = 32;  // More are many: weights are read once for 128 tokens.
constexpr uint32_t kManyRows = 128;    // Rows of a block.
constexpr uint32_t kManyPanels = 2;
constexpr uint32_t kManyThreads = 128;

Kernel few_kernel(uint32_t num_rows) {
  if (num_rows <= 8) return Kernel::kGemmFew8;
  return num_rows <= 16 ? Kernel::kGemmFew16 : Kernel::kGemmFew32;
}

}  // namespace

Status project(const Kernels& kernels, const Stream& stream, const Activations& x,
               const RowCount& rows, std::initializer_list<Projection> projections, bool is_added) {
  GemmArgs args = {};
  args.x = x.rows;
  args.num_rows = rows.on_device;
  args.stride = x.stride;
  args.is_added = is_added ? 1 : 0;
  uint32_t num_inputs = 0;
  for (const Projection& projection : projections) {
    const DeviceMatrix& weights = *projection.weights;
    args.matrices[args.num_matrices++] = {.panels = weights.panels,
                                          .to = projection.to,
                                          .num_outputs = weights.num_outputs,
                                          .first_panel = args.num_panels};
    args.num_panels += weights.num_panels();
    args.num_pairs = weights.num_pairs();
    num_inputs = weights.num_inputs;
  }
  if (rows.at_most > kMostFewRows) {
    const Grid grid = {.x = ceil_div(args.num_panels, kManyPanels),
                       .y = ceil_div(rows.at_most, kManyRows),
                       .threads = kManyThreads};
    return kernels.launch(stream, Kernel::kGemmMany, grid, args);
  }
  const uint32_t num_warps = std::min(kMaxWarps, ceil_div(num_inputs, kGemmSpan));
  const Grid grid = {
      .x = args.num_panels, .y = rows.at_most > 0 ? 1u : 0u, .threads = num_warps * kWarp};
  return kernels.launch(stream, few_kernel(rows.at_most), grid, args);
}

}  // namespace dyn::cuda
