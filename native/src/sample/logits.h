// Passes over one row of logits [vocab].

#pragma once

#include <cstdint>
#include <span>

namespace dyn {

// Minus infinity for an empty row.
float max_logit(std::span<const float> logits);

// The lowest id whose logit is `value`; 0 where none is (a row of NaN).
int32_t first_id_of(std::span<const float> logits, float value);

// log(sum(e^logit)), so logit - log_sum_exp is a log-probability. `max` is the row's.
double log_sum_exp(std::span<const float> logits, float max);

// sum(e^((logit - max) / temperature))
double sum_of_weights(std::span<const float> logits, float max, float temperature);

}  // namespace dyn
