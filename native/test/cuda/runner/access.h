// Loads, stores, atomics and cp.async: bounds, alignment, races, and what nothing has written.

#pragma once

#include <array>
#include <cstring>
#include <string>

#include "runner/lanes.h"
#include "runner/spaces.h"
#include "runner/warp.h"

namespace ptx {

enum class Strength { kWeak, kStrong };

// One access of a lane: its place in the process, checked.
class Place {
 public:
  Place(Warp& warp, int line, int lane, Space space, uint64_t address, uint32_t bytes)
      : warp_(warp), line_(line), lane_(lane), address_(address), bytes_(bytes) {
    space_ = space == Space::kGeneric ? space_of(address) : space;
    if (space == Space::kGeneric && space_ == Space::kShared) address_ -= kSharedWindow;
    if (address_ % bytes != 0) fail("misaligned address");
    host_ = find();
  }

  uint8_t* host() const { return host_; }
  void note_read(bool is_strong);
  // ldmatrix: a lane names a row, others of its warp get it.
  void note_read_by_warp();
  // `bytes` are those that will be written.
  void note_write(const void* bytes, bool is_strong);
  // cp.async: the bytes are on their way.
  void note_copying();

 private:
  uint8_t* find();
  void note_read(const Access& now);
  void check_written();
  void check_race(const Access* other, const char* what);
  [[noreturn]] void fail(const std::string& what) const;

  Warp& warp_;
  const int line_;
  const int lane_;
  Space space_;
  uint64_t address_;  // In its space; from kSharedBase on if shared.
  const uint32_t bytes_;
  uint8_t* host_;
};

template <Space kSpace, class T, Strength kStrength, class Base, class Row, size_t kCount>
[[gnu::noinline]] void load(Warp& w, Mask mask, int line, Base base, int64_t offset,
                            Row* const (&to)[kCount]) {
  for_lanes(mask, [&](int lane) {
    const uint64_t address = lane_of(base, lane) + static_cast<uint64_t>(offset);
    Place place(w, line, lane, kSpace, address, sizeof(T) * kCount);
    if (w.block().checks_all()) place.note_read(kStrength == Strength::kStrong);
    std::array<T, kCount> values;
    std::memcpy(values.data(), place.host(), sizeof values);
    for (size_t i = 0; i < kCount; ++i) to[i][lane] = bits_for<Row>(values[i]);
  });
}

template <Space kSpace, class T, Strength kStrength, class Base, class... In>
[[gnu::noinline]] void store(Warp& w, Mask mask, int line, Base base, int64_t offset, In... in) {
  for_lanes(mask, [&](int lane) {
    const uint64_t address = lane_of(base, lane) + static_cast<uint64_t>(offset);
    Place place(w, line, lane, kSpace, address, sizeof(T) * sizeof...(In));
    const std::array<T, sizeof...(In)> values = {read_as<T>(lane_of(in, lane))...};
    if (w.block().checks_all()) place.note_write(values.data(), kStrength == Strength::kStrong);
    std::memcpy(place.host(), values.data(), sizeof values);
  });
}

// Changes a word as an atomic does, lane by lane; the old word is the result. The order of lanes is open
// on a GPU, so it differs by seed.
template <Space kSpace, class T, class Base, class Row, class Change>
void change_words(Warp& w, Mask mask, int line, Base base, int64_t offset, Row* to, Change change) {
  const auto visit = [&](int lane) {
    const uint64_t address = lane_of(base, lane) + static_cast<uint64_t>(offset);
    Place place(w, line, lane, kSpace, address, sizeof(T));
    T old;
    std::memcpy(&old, place.host(), sizeof old);
    if (w.block().checks_all()) place.note_read(true);
    const T changed = change(old, lane);
    if (w.block().checks_all()) place.note_write(&changed, true);
    std::memcpy(place.host(), &changed, sizeof changed);
    to[lane] = bits_for<Row>(old);
  };
  const uint32_t seed = w.block().grid.options.seed;
  const Mask low = seed == 0 ? 0 : (Mask{1} << seed % kLanes) - 1;
  for_lanes(mask & ~low, visit);
  for_lanes(mask & low, visit);
}

template <Space kSpace, class T, auto kFn, class Base, class Row, class In>
[[gnu::noinline]] void atomic(Warp& w, Mask mask, int line, Base base, int64_t offset, Row* to,
                              In in) {
  change_words<kSpace, T>(w, mask, line, base, offset, to,
                          [&](T old, int lane) { return kFn(old, read_as<T>(lane_of(in, lane))); });
}

template <Space kSpace, class T, class Base, class Row, class Compare, class In>
[[gnu::noinline]] void compare_and_swap(Warp& w, Mask mask, int line, Base base, int64_t offset,
                                        Row* to, Compare compare, In in) {
  change_words<kSpace, T>(w, mask, line, base, offset, to, [&](T old, int lane) {
    return old == read_as<T>(lane_of(compare, lane)) ? read_as<T>(lane_of(in, lane)) : old;
  });
}

// PTX's inc counts up to a limit and begins again; dec the other way.
template <class T>
T wrapping_increment(T old, T limit) {
  return old >= limit ? T{0} : static_cast<T>(old + 1);
}
template <class T>
T wrapping_decrement(T old, T limit) {
  return old == 0 || old > limit ? limit : static_cast<T>(old - 1);
}

void begin_copy(Warp& w, int line, const AsyncCopy& copy);

template <uint32_t kBytes, class To, class From, class Used>
[[gnu::noinline]] void copy_async(Warp& w, Mask mask, int line, To to, int64_t to_offset, From from,
                                  int64_t from_offset, Used used) {
  for_lanes(mask, [&](int lane) {
    begin_copy(
        w, line,
        {lane, 0, lane_of(to, lane) + static_cast<uint64_t>(to_offset),
         lane_of(from, lane) + static_cast<uint64_t>(from_offset), kBytes, lane_of(used, lane)});
  });
}

}  // namespace ptx
