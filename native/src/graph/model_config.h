// The numbers that a model may have, whatever the device.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace dyn {

inline constexpr uint32_t kMaxHeadSize = 1u << 12;
inline constexpr uint32_t kMaxHeadGroup = 64;  // Query heads per KV head.

// Some layers may be local: with a window and rotary frequencies of their own.
enum class LayerKind : uint32_t { kOrdinary, kLocal };

LayerKind layer_kind(const dyn_model_config& config, size_t layer);
uint32_t num_layer_kinds(const dyn_model_config& config);

// Positions that a token of such a layer attends to, its own included; 0: all.
uint32_t window_of(const dyn_model_config& config, LayerKind kind);

// Factor of RoPE's sine and cosine in such layers.
double rope_magnitude_of(const dyn_model_config& config, LayerKind kind);

// Factor of q K.
float attention_scale_of(const dyn_model_config& config);

// Refuses shapes that no decoder here can run.
Status check_model_config(const dyn_model_config& config);

}  // namespace dyn
