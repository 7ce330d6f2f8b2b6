// Kernels as a test runs them: arrays that are the device's memory, arguments in order, and what went wrong.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "runner/fault.h"
#include "runner/kernel.h"
#include "runner/launch.h"

namespace ptx {

// Memory of the device for one test; arrays must stay where they are.
class TestMemory {
 public:
  template <class T>
  uint64_t add(std::vector<T>& array) {
    map_.add(reinterpret_cast<uint64_t>(array.data()), array.size() * sizeof(T));
    return reinterpret_cast<uint64_t>(array.data());
  }
  const MemoryMap& map() const { return map_; }

 private:
  MemoryMap map_;
};

// The parameter block of a kernel; each argument has its parameter's size.
template <class... Arguments>
std::vector<uint8_t> parameters_of(const Kernel& kernel, Arguments... arguments) {
  std::vector<uint8_t> block(kernel.parameter_bytes);
  const Parameter* parameter = kernel.parameters;
  const auto put = [&](const void* argument, size_t bytes) {
    if (bytes != parameter->bytes) throw Fault("an argument of another size");
    std::memcpy(block.data() + parameter->offset, argument, bytes);
    ++parameter;
  };
  if (sizeof...(arguments) != kernel.num_parameters) throw Fault("another number of arguments");
  (put(&arguments, sizeof arguments), ...);
  return block;
}

// Empty, or the fault.
template <class... Arguments>
std::string run(const char* name, const Shape& shape, const TestMemory& memory,
                const RunOptions& options, Arguments... arguments) {
  const Kernel* const kernel = find_kernel(name);
  if (kernel == nullptr) return std::string("there is no kernel ") + name;
  try {
    launch(*kernel, shape, parameters_of(*kernel, arguments...), memory.map(), options);
    return "";
  } catch (const Fault& fault) {
    return fault.what();
  }
}

}  // namespace ptx
