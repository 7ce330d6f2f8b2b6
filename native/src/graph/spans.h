// Spans: where the sums of attention are cut. Positions lie in tiles and spans at multiples of these
// numbers of their sequence, on every device and whichever thread computes them, so that a token's
// result depends on its sequence and nothing else.

#pragma once

#include <cstdint>

#include "dynamo_engine.h"

namespace dyn {

inline constexpr uint32_t kAttentionTile =
    DYN_ATTENTION_TILE;                          // Positions that share a step of the softmax.
inline constexpr uint32_t kAttentionSpan = 512;  // Positions after which the softmax starts anew.

}  // namespace dyn
