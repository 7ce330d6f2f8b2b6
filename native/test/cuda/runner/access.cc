#include "runner/access.h"

#include <algorithm>

namespace ptx {

uint8_t* Place::find() {
  Block& block = warp_.block();
  switch (space_) {
    case Space::kShared: {
      const bool is_inside =
          address_ >= kSharedBase && address_ + bytes_ <= kSharedBase + block.shared.size();
      if (!is_inside) fail("shared memory out of bounds");
      return block.shared.data() + (address_ - kSharedBase);
    }
    case Space::kLocal: {
      const uint64_t size = block.grid.kernel.local_bytes;
      const uint64_t offset = address_ - kLocalWindow;
      if (address_ < kLocalWindow || offset + bytes_ > size) fail("local memory out of bounds");
      const uint64_t thread = warp_.index() * kLanes + static_cast<uint32_t>(lane_);
      return block.local.data() + thread * size + offset;
    }
    case Space::kParam: {
      const uint64_t offset = address_ - kParamWindow;
      if (address_ < kParamWindow || offset + bytes_ > block.grid.parameters.size())
        fail("parameters out of bounds");
      return const_cast<uint8_t*>(block.grid.parameters.data()) + offset;
    }
    default:
      if (!block.grid.memory.contains(address_, bytes_)) fail("global memory out of bounds");
      return reinterpret_cast<uint8_t*>(address_);
  }
}

void Place::note_read(bool is_strong) {
  note_read(warp_.access(lane_, is_strong));
}

void Place::note_read_by_warp() {
  note_read(warp_.access(kSeveralLanes, false));
}

void Place::note_read(const Access& now) {
  if (space_ == Space::kShared) {
    check_written();
    check_race(warp_.block().shared_log.read(address_, bytes_, now, warp_.clock()),
               "race: shared memory is read that was written by ");
  } else if (space_ == Space::kGlobal) {
    check_race(warp_.block().grid.global_log.read(address_, bytes_, now, warp_.clock()),
               "race: global memory is read that was written by ");
  }
}

void Place::note_write(const void* bytes, bool is_strong) {
  const Access now = warp_.access(lane_, is_strong);
  const bool is_same = std::memcmp(host_, bytes, bytes_) == 0;
  Block& block = warp_.block();
  if (space_ == Space::kShared) {
    check_race(block.shared_log.write(address_, bytes_, now, warp_.clock(), is_same),
               "race: shared memory is written that was used by ");
    const auto first = block.states.begin() + static_cast<int64_t>(address_ - kSharedBase);
    if (std::count(first, first + bytes_, ByteState::kCopying) > 0)
      fail("shared memory is written while cp.async copies to it");
    std::fill_n(first, bytes_, ByteState::kWritten);
  } else if (space_ == Space::kGlobal) {
    check_race(block.grid.global_log.write(address_, bytes_, now, warp_.clock(), is_same),
               "race: global memory is written that was used by ");
  }
}

void Place::note_copying() {
  Block& block = warp_.block();
  const Access now = warp_.access(lane_, false);
  check_race(block.shared_log.write(address_, bytes_, now, warp_.clock(), false),
             "race: cp.async overwrites shared memory that was used by ");
  const auto first = block.states.begin() + static_cast<int64_t>(address_ - kSharedBase);
  if (std::count(first, first + bytes_, ByteState::kCopying) > 0)
    fail("cp.async overwrites what another cp.async is copying");
  std::fill_n(first, bytes_, ByteState::kCopying);
}

void Place::check_written() {
  const std::vector<ByteState>& states = warp_.block().states;
  for (uint32_t i = 0; i < bytes_; ++i) {
    const ByteState state = states[address_ - kSharedBase + i];
    if (state == ByteState::kUnwritten) fail("shared memory is read that nothing has written");
    if (state == ByteState::kCopying)
      fail("shared memory is read before cp.async has been waited for");
  }
}

void Place::check_race(const Access* other, const char* what) {
  if (other != nullptr) fail(what + warp_.block().name_of(*other) + ", with no barrier between");
}

void Place::fail(const std::string& what) const {
  warp_.fault(
      line_, lane_,
      what + " (address " + std::to_string(address_) + ", " + std::to_string(bytes_) + " bytes)");
}

void begin_copy(Warp& w, int line, const AsyncCopy& copy) {
  Place to(w, line, copy.lane, Space::kShared, copy.to, copy.bytes);
  if (copy.used > copy.bytes) w.fault(line, copy.lane, "cp.async of more than its size");
  if (copy.used > 0) {
    // A source's address is aligned as the whole copy is, however little is used.
    Place from(w, line, copy.lane, Space::kGlobal, copy.from, copy.bytes);
    if (w.block().checks_all()) from.note_read(false);
  }
  if (w.block().checks_all()) to.note_copying();
  std::memset(to.host(), 0xcb, copy.bytes);
  w.copies.add(copy);
}

void Warp::wait_for_copies(Mask lanes, int line, int num_open) {
  copies.wait(lanes, static_cast<uint32_t>(num_open), [&](const AsyncCopy& copy) {
    Place to(*this, line, copy.lane, Space::kShared, copy.to, copy.bytes);
    uint8_t bytes[16] = {};
    std::memcpy(bytes, reinterpret_cast<const void*>(copy.from), copy.used);
    if (block_.checks_all()) {
      const auto first = block_.states.begin() + static_cast<int64_t>(copy.to - kSharedBase);
      std::fill_n(first, copy.bytes, ByteState::kWritten);
      to.note_write(bytes, false);
    }
    std::memcpy(to.host(), bytes, copy.bytes);
  });
}

}  // namespace ptx
