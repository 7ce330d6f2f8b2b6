#include "graph/projection.h"

#include "cpu/phases/phases.h"

namespace dyn {
namespace {

constexpr size_t kItemOutputs = size_t{kMaxGemmRows} * kPanelWidth;

// Outputs of a panel that exist: fewer than 16 in the last one.
uint32_t panel_columns(const PackedMatrix& weights, uint32_t panel) {
  return std::min(kPanelWidth, weights.num_outputs() - panel * kPanelWidth);
}

// y [num_rows, 16] = the item's rows of x times its panel.
void multiply(const PackedMatrix& weights, const float* x, const ProjectionItem& item, float* y) {
  gemm_panel(weights, item.panel, x + size_t{item.first_row} * weights.num_inputs(), item.num_rows,
             y);
}

// Where the item's outputs for its row m begin in a matrix of `num_columns` columns.
float* output_row(float* to, uint32_t num_columns, const ProjectionItem& item, uint32_t m) {
  return to + (size_t{item.first_row} + m) * num_columns + size_t{item.panel} * kPanelWidth;
}

}  // namespace

void project(ThreadPool* pool, const float* x, uint32_t num_rows,
             std::initializer_list<Projection> projections) {
  uint32_t num_panels = 0;
  for (const Projection& projection : projections) num_panels += projection.weights->num_panels();

  for_each_projection_item(pool, num_panels, num_rows, [&](ProjectionItem item) {
    const Projection* projection = projections.begin();
    for (; item.panel >= projection->weights->num_panels(); ++projection) {
      item.panel -= projection->weights->num_panels();
    }
    float y[kItemOutputs];
    multiply(*projection->weights, x, item, y);
    const uint32_t columns = panel_columns(*projection->weights, item.panel);
    for (uint32_t m = 0; m < item.num_rows; ++m) {
      std::copy_n(y + size_t{m} * kPanelWidth, columns,
                  output_row(projection->to, projection->weights->num_outputs(), item, m));
    }
  });
}

void project_and_add(ThreadPool* pool, const float* x, uint32_t num_rows,
                     const Projection& projection) {
  const PackedMatrix& weights = *projection.weights;
  for_each_projection_item(pool, weights.num_panels(), num_rows, [&](const ProjectionItem& item) {
    float y[kItemOutputs];
    multiply(weights, x, item, y);
    const uint32_t columns = panel_columns(weights, item.panel);
    for (uint32_t m = 0; m < item.num_rows; ++m) {
      float* row = output_row(projection.to, weights.num_outputs(), item, m);
      for (uint32_t n = 0; n < columns; ++n) row[n] += y[size_t{m} * kPanelWidth + n];
    }
  });
}

void project_swiglu(ThreadPool* pool, const float* x, uint32_t num_rows, const PackedMatrix& gate,
                    const PackedMatrix& up, float* to) {
  for_each_projection_item(pool, gate.num_panels(), num_rows, [&](const ProjectionItem& item) {
    float gates[kItemOutputs];
    float ups[kItemOutputs];
    multiply(gate, x, item, gates);
    multiply(up, x, item, ups);
    const uint32_t columns = panel_columns(gate, item.panel);
    for (uint32_t m = 0; m < item.num_rows; ++m) {
      const size_t at = size_t{m} * kPanelWidth;
      swiglu(gates + at, ups + at, columns, output_row(to, gate.num_outputs(), item, m));
    }
  });
}

}  // namespace dyn
