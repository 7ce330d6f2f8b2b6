// The instruction sets that kernels are written for; which of them this CPU has.

#pragma once

#include <vector>

#include "base/status.h"

namespace dyn {

// Sets *isa to `asked`, or for DYN_ISA_ANY to the best that this CPU has. Refuses what it lacks.
Status choose_isa(uint32_t asked, dyn_isa* isa);

bool has_isa(dyn_isa isa);

// Those that this CPU has, the best first.
std::vector<dyn_isa> present_isas();

const char* isa_name(dyn_isa isa);

}  // namespace dyn
