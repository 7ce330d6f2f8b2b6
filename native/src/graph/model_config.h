// The numbers that a model may have, whatever the device.

#pragma once

#include <cstdint>

#include "base/status.h"

namespace dyn {

inline constexpr uint32_t kMaxHeadSize = 1u << 12;
inline constexpr uint32_t kMaxHeadGroup = 64;  // Query heads per KV head.

// Refuses shapes that no decoder here can run.
Status check_model_config(const dyn_model_config& config);

}  // namespace dyn
