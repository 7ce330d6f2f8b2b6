// A kernel did what a GPU forbids, or would not notice. The text names kernel, block, thread and line of PTX.

#pragma once

#include <stdexcept>

namespace ptx {

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace ptx
