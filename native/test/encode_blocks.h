// Blocks of GGUF whose quants have a minimum, a table or fewer than four bits, made from floats.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "dynamo_engine.h"

namespace dyn::test {

bool is_other_block(dyn_dtype dtype);

std::vector<std::byte> encode_other_blocks(std::span<const float> values, dyn_dtype dtype);

}  // namespace dyn::test
