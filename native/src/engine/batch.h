// The batch's arrays, and the one linear pass that keeps a wrong batch out of the engine.

#pragma once

#include <cstdint>

#include "base/arena.h"
#include "base/status.h"
#include "device/step_input.h"
#include "device/step_limits.h"

namespace dyn {

// Lays the arrays out for `limits`: the batch's, and those that are derived from it.
void place_batch(const StepLimits& limits, Arena* arena, StepInput* input);

// Checks everything that a step of input->size will use as an index or a length, and derives
// positions and slots. A failure writes nothing but those.
// per step, 256 sequences: < 20 us
Status check_batch(const StepLimits& limits, StepInput* input);

}  // namespace dyn
