// The instruction sets that kernels are written for; which of them this CPU has.

#pragma once

#include "base/status.h"

namespace dyn {

// Sets *isa to `asked`, or for DYN_ISA_ANY to the best that this CPU has. Refuses what it lacks.
Status choose_isa(uint32_t asked, dyn_isa* isa);

bool has_isa(dyn_isa isa);

}  // namespace dyn
