// Reads a tensor's bytes from its file by pread, so that a file cut short is an error and no
// SIGBUS.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace dyn {

// Fills to[0, num_bytes) from `offset` of the tensor's bytes. `name` says in an error which tensor.
Status read_tensor(const dyn_tensor& tensor, const std::string& name, uint64_t offset,
                   uint64_t num_bytes, std::byte* to);

// Reads a vector of any float type as F32, and adds `offset` to each element.
Status read_vector(const dyn_tensor& tensor, const std::string& name, float offset, float* to);

}  // namespace dyn
