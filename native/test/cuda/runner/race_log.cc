#include "runner/race_log.h"

namespace ptx {
namespace {

// True if `before` comes before what a warp with this clock does now.
bool is_ordered(const Access& before, const Access& now, const Clock& clock) {
  if (before.block == 0) return true;
  if (before.block != now.block) return false;
  if (before.warp != now.warp) return clock[before.warp] >= before.clock;
  return before.lane == now.lane || before.lane_clock < now.lane_clock;
}

bool is_race(const Access& before, const Access& now, const Clock& clock) {
  if (before.is_strong && now.is_strong) return false;
  return !is_ordered(before, now, clock);
}

bool is_of_same_warp(const Access& a, const Access& b) {
  return a.block == b.block && a.warp == b.warp;
}

// Keeps a reader of each of two warps; lanes of one warp are kept together.
void note_read(Access (&reads)[2], const Access& now, const Clock& clock) {
  for (Access& read : reads) {
    if (!is_of_same_warp(read, now)) continue;
    const bool is_joined = read.lane_clock == now.lane_clock && read.lane != now.lane;
    const bool is_strong = read.is_strong && now.is_strong;
    read = now;
    if (is_joined) read.lane = kSeveralLanes;
    read.is_strong = is_strong;
    return;
  }
  Access& place = is_ordered(reads[0], now, clock) ? reads[0] : reads[1];
  place = now;
}

}  // namespace

RaceLog::Mark& RaceLog::mark(uint64_t address) {
  const uint64_t number = address / kPageBytes;
  if (last_page_ == nullptr || number != last_number_) {
    std::unique_ptr<Page>& page = pages_[number];
    if (page == nullptr) page = std::make_unique<Page>();
    last_page_ = page.get();
    last_number_ = number;
  }
  return (*last_page_)[address % kPageBytes];
}

const Access* RaceLog::read(uint64_t address, uint64_t bytes, const Access& now,
                            const Clock& clock) {
  const Access* other = nullptr;
  for (uint64_t i = 0; i < bytes; ++i) {
    Mark& at = mark(address + i);
    if (other == nullptr && is_race(at.write, now, clock)) {
      found_ = at.write;
      other = &found_;
    }
    note_read(at.reads, now, clock);
  }
  return other;
}

const Access* RaceLog::write(uint64_t address, uint64_t bytes, const Access& now,
                             const Clock& clock, bool is_same) {
  const Access* other = nullptr;
  for (uint64_t i = 0; i < bytes; ++i) {
    Mark& at = mark(address + i);
    const bool is_joint = is_same && is_of_same_warp(at.write, now);
    const Access written = is_joint ? Access{} : at.write;
    for (const Access& before : {written, at.reads[0], at.reads[1]}) {
      if (other != nullptr || !is_race(before, now, clock)) continue;
      found_ = before;
      other = &found_;
    }
    at.write = now;
  }
  return other;
}

}  // namespace ptx
