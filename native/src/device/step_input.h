// StepInput: a step as a device gets it. The batch is checked, so each number in it is a safe
// index.

#pragma once

#include <cstdint>

#include "base/step_size.h"
#include "dynamo_engine.h"

namespace dyn {

struct StepInput {
  dyn_batch batch;
  StepSize size;
  // Derived from the batch:
  int32_t* positions;  // [T] Index of each token in its own sequence.
  int32_t* slots;      // [T] Slot of K and V: block_id * block_size + offset.
};

}  // namespace dyn
