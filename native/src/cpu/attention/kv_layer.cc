#include "cpu/attention/kv_layer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/checked.h"

namespace dyn {
namespace {

// Rounds to nearest, ties to even, as the vector instructions do. NaN stays NaN.
uint16_t bf16_of(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Index of element d of position `lane` in the K and in the V of a strip of pairs.
size_t k_pair_index(size_t d, size_t lane) {
  return (d / 2 * kStrip + lane) * 2 + d % 2;
}

size_t v_pair_index(size_t padded_head_size, size_t d, size_t lane) {
  return (lane / 2 * padded_head_size + d) * 2 + lane % 2;
}

struct Place {
  std::byte* k;
  std::byte* v;
  float* scales;  // [2, 16]; int8 only.
  size_t lane;
};

Place place_in(const KvLayer& layer, std::byte* strip, uint32_t lane) {
  return {.k = strip,
          .v = strip + layer.part_bytes,
          .scales = reinterpret_cast<float*>(strip + 2 * layer.part_bytes),
          .lane = lane};
}

Place place_of(const KvLayer& layer, uint32_t slot, uint32_t kv_head) {
  const uint32_t offset = slot % layer.block_size;
  return place_in(layer, layer.strip(slot / layer.block_size, kv_head, offset / kStrip),
                  offset % kStrip);
}

void write_f32(const KvLayer& layer, const Place& to, const float* k, const float* v) {
  const size_t size = layer.head_size;
  float* k_to = reinterpret_cast<float*>(to.k) + to.lane;
  float* v_to = reinterpret_cast<float*>(to.v) + to.lane * layer.padded_head_size;
  for (size_t d = 0; d < size; ++d) k_to[d * kStrip] = k[d];
  std::copy_n(v, size, v_to);
  for (size_t d = size; d < layer.padded_head_size; ++d) k_to[d * kStrip] = v_to[d] = 0.0f;
}

void write_bf16(const KvLayer& layer, const Place& to, const float* k, const float* v) {
  const size_t size = layer.head_size;
  uint16_t* k_to = reinterpret_cast<uint16_t*>(to.k) + k_pair_index(0, to.lane);
  uint16_t* v_to =
      reinterpret_cast<uint16_t*>(to.v) + v_pair_index(layer.padded_head_size, 0, to.lane);
  for (size_t pair = 0; pair < layer.padded_head_size / 2; ++pair) {
    const size_t d = 2 * pair;  // head_size is even.
    k_to[pair * 2 * kStrip] = d < size ? bf16_of(k[d]) : uint16_t{0};
    k_to[pair * 2 * kStrip + 1] = d < size ? bf16_of(k[d + 1]) : uint16_t{0};
  }
  for (size_t d = 0; d < size; ++d) v_to[2 * d] = bf16_of(v[d]);
  for (size_t d = size; d < layer.padded_head_size; ++d) v_to[2 * d] = 0;
}

// The scale of x[size], NaN if any is; *inverse is what brings it into [-127, 127].
float scale_of(const float* x, size_t size, float* inverse) {
  float max = 0.0f;
  for (size_t i = 0; i < size; ++i) max = std::abs(x[i]) > max ? std::abs(x[i]) : max;
  for (size_t i = 0; i < size; ++i) max = x[i] == x[i] ? max : x[i];
  *inverse = max > 0.0f && std::isfinite(max) ? 127.0f / max : 0.0f;
  return max / 127.0f;
}

int8_t int8_of(float value, float inverse) {
  const float scaled = std::clamp(value * inverse, -127.0f, 127.0f);
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to nearest, ties to even.
  const float rounded = (scaled + kRound) - kRound;
  return rounded == rounded ? static_cast<int8_t>(rounded) : int8_t{0};
}

void write_int8(const KvLayer& layer, const Place& to, const float* k, const float* v) {
  const size_t size = layer.head_size;
  const size_t padded = layer.padded_head_size;
  int8_t* k_to = reinterpret_cast<int8_t*>(to.k);
  int8_t* v_to = reinterpret_cast<int8_t*>(to.v);
  float k_inverse = 0;
  float v_inverse = 0;
  to.scales[to.lane] = scale_of(k, size, &k_inverse);
  to.scales[kStrip + to.lane] = scale_of(v, size, &v_inverse);
  for (size_t d = 0; d < padded; ++d) {
    k_to[k_pair_index(d, to.lane)] = d < size ? int8_of(k[d], k_inverse) : int8_t{0};
    v_to[v_pair_index(padded, d, to.lane)] = d < size ? int8_of(v[d], v_inverse) : int8_t{0};
  }
}

template <typename Element>
void copy_pairs(const KvLayer& layer, const Place& from, const Place& to) {
  const size_t padded = layer.padded_head_size;
  const auto* k_from = reinterpret_cast<const Element*>(from.k);
  const auto* v_from = reinterpret_cast<const Element*>(from.v);
  auto* k_to = reinterpret_cast<Element*>(to.k);
  auto* v_to = reinterpret_cast<Element*>(to.v);
  for (size_t d = 0; d < padded; ++d) {
    k_to[k_pair_index(d, to.lane)] = k_from[k_pair_index(d, from.lane)];
    v_to[v_pair_index(padded, d, to.lane)] = v_from[v_pair_index(padded, d, from.lane)];
  }
}

void copy_f32(const KvLayer& layer, const Place& from, const Place& to) {
  const size_t padded = layer.padded_head_size;
  const float* k_from = reinterpret_cast<const float*>(from.k) + from.lane;
  float* k_to = reinterpret_cast<float*>(to.k) + to.lane;
  for (size_t d = 0; d < padded; ++d) k_to[d * kStrip] = k_from[d * kStrip];
  std::copy_n(reinterpret_cast<const float*>(from.v) + from.lane * padded, padded,
              reinterpret_cast<float*>(to.v) + to.lane * padded);
}

}  // namespace

KvLayer make_kv_layer(dyn_kv_dtype dtype, uint32_t num_kv_heads, uint32_t head_size,
                      uint32_t block_size) {
  const uint32_t padded = ceil_div(head_size, 16) * 16;
  const size_t element_bytes = dtype == DYN_KV_F32 ? 4 : dtype == DYN_KV_BF16 ? 2 : 1;
  const size_t part_bytes = size_t{kStrip} * padded * element_bytes;
  const size_t scale_bytes = dtype == DYN_KV_INT8 ? 2 * kStrip * sizeof(float) : 0;
  return {.blocks = nullptr,
          .dtype = dtype,
          .num_kv_heads = num_kv_heads,
          .head_size = head_size,
          .block_size = block_size,
          .padded_head_size = padded,
          .strips_per_block = ceil_div(block_size, kStrip),
          .part_bytes = part_bytes,
          .strip_bytes = 2 * part_bytes + scale_bytes};
}

void write_kv(const KvLayer& layer, uint32_t slot, const float* k, const float* v) {
  const auto write = layer.dtype == DYN_KV_F32    ? write_f32
                     : layer.dtype == DYN_KV_BF16 ? write_bf16
                                                  : write_int8;
  for (uint32_t head = 0; head < layer.num_kv_heads; ++head) {
    write(layer, place_of(layer, slot, head), k + size_t{head} * layer.head_size,
          v + size_t{head} * layer.head_size);
  }
}

void copy_position(const KvLayer& layer, uint32_t slot, uint32_t kv_head, uint32_t lane,
                   std::byte* strip) {
  const Place from = place_of(layer, slot, kv_head);
  const Place to = place_in(layer, strip, lane);
  if (layer.dtype == DYN_KV_F32) {
    copy_f32(layer, from, to);
  } else if (layer.dtype == DYN_KV_BF16) {
    copy_pairs<uint16_t>(layer, from, to);
  } else {
    copy_pairs<int8_t>(layer, from, to);
    to.scales[to.lane] = from.scales[from.lane];
    to.scales[kStrip + to.lane] = from.scales[kStrip + from.lane];
  }
}

}  // namespace dyn
