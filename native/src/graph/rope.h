// The frequencies of the rotary embedding, one per pair of a head.

#pragma once

#include <vector>

#include "dynamo_engine.h"

namespace dyn {

// theta^(-2i / head_size); with llama3 scaling, frequencies that turn less than low_freq_factor
// times in the original context are divided by factor, those that turn more than high_freq_factor
// times are kept, and those between are blended (as in Hugging Face's _compute_llama3_parameters).
std::vector<double> rope_frequencies(const dyn_model_config& config);  // [head_size / 2]

}  // namespace dyn
