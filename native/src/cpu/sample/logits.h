// Passes over one row of logits [vocab], by the vector kernels of the device's instruction set.

#pragma once

#include <cstdint>
#include <span>

#include "cpu/rowwise/rowwise.h"

namespace dyn {

// NaN if any is; minus infinity for an empty row.
float max_logit(const RowwiseKernels& kernels, std::span<const float> logits);

// The lowest id whose logit is `value`; 0 where none is.
int32_t first_id_of(std::span<const float> logits, float value);

// log(sum(e^logit)), so logit - log_sum_exp is a log-probability. `max` is the row's.
double log_sum_exp(const RowwiseKernels& kernels, std::span<const float> logits, float max);

// sum(e^((logit - max) / temperature))
double sum_of_weights(const RowwiseKernels& kernels, std::span<const float> logits, float max,
                      float temperature);

// The id at which the running sum of the weights, in the order of ids, passes `mass`. Whole blocks
// are passed by their sums, so the cost is that of one more sum_of_weights.
int32_t id_at_mass(const RowwiseKernels& kernels, std::span<const float> logits, float max,
                   float temperature, double mass);

}  // namespace dyn
