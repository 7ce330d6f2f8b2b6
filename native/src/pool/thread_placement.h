// ThreadPlacement: on which CPUs the threads of a pool run while others compute on them too.
//
// The system knows nothing of who waits for whom. Beside a busy loop on one of two CPUs it runs the
// leader and the helper by turns on the other; or it keeps a helper off its CPU for some
// milliseconds in the middle of an item that all others wait for. So a thread that waits in vain
// looks whether the other runs at all, and if not
//
//   - a leader lends its CPU to the helper, which goes back when it has done its item, and
//   - a helper changes places with the leader.
//
// From then on each thread has a CPU of its own, until none has waited in vain for a while.

#pragma once

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <vector>

namespace dyn {

class ThreadPlacement {
 public:
  // `threads` are those of the pool, the leader first; they may run where the caller may. Where
  // they are more than CPUs, nothing is ever moved.
  void start(const std::vector<pthread_t>& threads);

  bool is_active() const { return is_active_; }

  // True if the thread wants to run and does not, as far as 20 us of looking tell.
  bool is_kept_waiting(uint32_t thread) const;

  // By the leader, who is about to sleep: the thread runs here until it calls go_home().
  void lend_cpu(uint32_t thread);

  // By a helper, who has nothing to do: the leader runs here from now on, and the helper there.
  void change_places_with_leader(uint32_t thread);

  // By the thread itself, when it holds no item.
  void go_home(uint32_t thread) {
    if (places_[thread].is_away.load(std::memory_order_relaxed)) return_home(thread);
  }

  // By the leader: notes its CPU, and that a job begins. After a while without waits in vain all
  // may run anywhere again.
  void note_leader_cpu() { leader_cpu_.store(sched_getcpu(), std::memory_order_relaxed); }
  void begin_job();

 private:
  struct alignas(64) Place {
    pthread_t handle = {};
    clockid_t clock = {};
    std::atomic<int> home = kAnywhere;
    std::atomic<bool> is_away = false;
  };
  static constexpr int kAnywhere = -1;

  void settle(int leader_cpu);
  void return_home(uint32_t thread);
  void pin(uint32_t thread, int cpu) const;

  bool is_active_ = false;
  cpu_set_t allowed_ = {};
  std::vector<Place> places_;
  std::atomic<int> leader_cpu_ = kAnywhere;
  std::atomic<int64_t> last_wait_ns_ = 0;
  std::atomic_flag is_changing_;
};

}  // namespace dyn
