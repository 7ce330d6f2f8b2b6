// Copies bytes of the host to a GPU, through two pinned buffers that take turns.

#pragma once

#include <atomic>

#include "cuda/driver/memory.h"

namespace dyn::cuda {

// Makes *buffer a copy of from[0, num_bytes). Ends early where `stopping` becomes true.
Status upload(const Context& context, const std::byte* from, uint64_t num_bytes,
              const std::atomic<bool>& stopping, DeviceBuffer* buffer);

}  // namespace dyn::cuda
