#include "pool/thread_placement.h"

namespace dyn {
namespace {

constexpr int64_t kLookNs = 20'000;
constexpr int64_t kMemoryNs = 500'000'000;

int64_t nanoseconds(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

void ThreadPlacement::start(const std::vector<pthread_t>& threads) {
  places_ = std::vector<Place>(threads.size());
  is_active_ = threads.size() > 1 && sched_getaffinity(0, sizeof(allowed_), &allowed_) == 0 &&
               threads.size() <= static_cast<size_t>(CPU_COUNT(&allowed_));
  for (size_t i = 0; i < threads.size(); ++i) {
    places_[i].handle = threads[i];
    if (pthread_getcpuclockid(threads[i], &places_[i].clock) != 0) is_active_ = false;
  }
}

// A thread that runs uses CPU time as fast as time goes by.
bool ThreadPlacement::is_kept_waiting(uint32_t thread) const {
  const clockid_t clock = places_[thread].clock;
  const int64_t begun = nanoseconds(CLOCK_MONOTONIC);
  const int64_t used = nanoseconds(clock);
  while (nanoseconds(CLOCK_MONOTONIC) - begun < kLookNs) {
  }
  return nanoseconds(clock) == used;
}

void ThreadPlacement::lend_cpu(uint32_t thread) {
  last_wait_ns_ = nanoseconds(CLOCK_MONOTONIC);
  const int here = sched_getcpu();
  if (places_[0].home != here) settle(here);
  pin(thread, here);
  places_[thread].is_away = true;  // After it was moved, or it might go home before it came.
}

void ThreadPlacement::change_places_with_leader(uint32_t thread) {
  if (is_changing_.test_and_set()) return;
  last_wait_ns_ = nanoseconds(CLOCK_MONOTONIC);
  places_[thread].home = leader_cpu_.load();
  settle(sched_getcpu());
  is_changing_.clear();
  return_home(thread);
}

void ThreadPlacement::return_home(uint32_t thread) {
  places_[thread].is_away = false;
  pin(thread, places_[thread].home);
}

void ThreadPlacement::begin_job() {
  if (places_[0].home == kAnywhere ||
      nanoseconds(CLOCK_MONOTONIC) - last_wait_ns_.load() < kMemoryNs) {
    return;
  }
  for (uint32_t thread = 0; thread < places_.size(); ++thread) {
    places_[thread].home = kAnywhere;
    places_[thread].is_away = false;
    pin(thread, kAnywhere);
  }
}

// The leader gets that CPU, and each helper one of its own: its home, where no other thread has it.
void ThreadPlacement::settle(int leader_cpu) {
  cpu_set_t free = allowed_;
  CPU_CLR(leader_cpu, &free);
  places_[0].home = leader_cpu;
  pin(0, leader_cpu);
  for (size_t i = 1; i < places_.size(); ++i) {
    std::atomic<int>& home = places_[i].home;
    if (home == kAnywhere) continue;
    if (CPU_ISSET(home, &free)) {
      CPU_CLR(home, &free);
    } else {
      home = kAnywhere;
    }
  }
  int next = 0;
  for (size_t i = 1; i < places_.size(); ++i) {
    if (places_[i].home != kAnywhere) continue;
    while (!CPU_ISSET(next, &free)) ++next;
    CPU_CLR(next, &free);
    places_[i].home = next;
    places_[i].is_away = true;  // It goes there as soon as it holds no item.
  }
}

void ThreadPlacement::pin(uint32_t thread, int cpu) const {
  cpu_set_t cpus = allowed_;
  if (cpu != kAnywhere) {
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
  }
  // Advice: where the system refuses, all goes on as it went.
  pthread_setaffinity_np(places_[thread].handle, sizeof(cpus), &cpus);
}

}  // namespace dyn
