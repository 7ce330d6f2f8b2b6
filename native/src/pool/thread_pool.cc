#include "pool/thread_pool.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "pool/futex.h"

namespace dyn {
namespace {

constexpr uint32_t kSpins = 2000;  // About 30 us.
constexpr int64_t kLookAgainNs = 200'000;
constexpr uint32_t kNoItem = UINT32_MAX;

void spin() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint32_t item_of(uint64_t claim) {
  return static_cast<uint32_t>(claim);
}

// Threads made meanwhile inherit a mask of all signals: signals are the host's business.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }

 private:
  sigset_t saved_;
};

}  // namespace

ThreadPool::~ThreadPool() {
  stop();
}

Status ThreadPool::start(uint32_t num_threads) {
  const SignalsBlocked signals_blocked;
  num_threads_ = num_threads;
  claims_ = std::vector<Claim>(num_threads);
  threads_.reserve(num_threads);
  try {
    threads_.emplace_back([this] { lead(); });
    for (uint32_t thread = 1; thread < num_threads; ++thread) {
      threads_.emplace_back([this, thread] { help(thread); });
    }
  } catch (const std::system_error&) {  // The standard library knows no other way to say it.
    stop();
    return out_of_memory("cannot start " + std::to_string(num_threads) + " compute threads");
  }
  std::vector<pthread_t> handles;
  for (std::thread& thread : threads_) {
    pthread_setname_np(thread.native_handle(), "dyn-compute");
    handles.push_back(thread.native_handle());
  }
  placement_.start(handles);
  return {};
}

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queue_changed_.notify_all();
  job_started_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadPool::enqueue(Job* job) {
  {
    const std::lock_guard lock(mutex_);
    job->next = nullptr;
    if (last_ == nullptr) {
      first_ = job;
    } else {
      last_->next = job;
    }
    last_ = job;
  }
  queue_changed_.notify_one();
}

void ThreadPool::withdraw(Job* job) {
  std::unique_lock lock(mutex_);
  Job* previous = nullptr;
  for (Job* queued = first_; queued != nullptr; previous = queued, queued = queued->next) {
    if (queued != job) continue;
    (previous == nullptr ? first_ : previous->next) = job->next;
    if (last_ == job) last_ = previous;
    break;
  }
  // Also where it was queued: its run before that may be at its very end still.
  job_ended_.wait(lock, [&] { return running_ != job; });
}

void ThreadPool::lead() {
  std::unique_lock lock(mutex_);
  for (;;) {
    queue_changed_.wait(lock, [this] { return first_ != nullptr || stopping_; });
    if (first_ == nullptr) return;
    running_ = first_;
    first_ = running_->next;
    if (first_ == nullptr) last_ = nullptr;
    placement_.begin_job();
    job_runs_.store(true, std::memory_order_release);
    Job* job = running_;
    lock.unlock();

    job_started_.notify_all();
    job->run(job->self);

    job_runs_.store(false, std::memory_order_release);
    announce_change();
    lock.lock();
    running_ = nullptr;
    job_ended_.notify_all();
  }
}

void ThreadPool::help(uint32_t thread) {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      job_started_.wait(lock, [this] { return job_runs_.load() || stopping_; });
      if (stopping_) return;
    }
    for (;;) {
      const uint32_t seen = loop_changes_.load(std::memory_order_acquire);
      if (!job_runs_.load(std::memory_order_acquire)) break;
      placement_.go_home(thread);
      if (!run_items(thread)) await_change(seen, thread);
    }
  }
}

void ThreadPool::run_loop(const Loop& loop) {
  num_loops_.store(num_loops_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (num_threads_ == 1 || loop.count <= 1) {
    for (uint32_t item = 0; item < loop.count; ++item) {
      loop.call(loop.context, item, 0);
      num_done_.store(item + 1, std::memory_order_relaxed);  // For progress().
    }
    return;
  }
  placement_.note_leader_cpu();
  // Closed, then described, then opened: a helper that sees any part of the new description can
  // only claim from the new loop, since each part's release orders it after the closing.
  const uint64_t loop_number = (claims_[0].next.load(std::memory_order_relaxed) >> 32) + 1;
  for (uint32_t share = 0; share < num_threads_; ++share) {
    claims_[share].next.store((loop_number << 32) | kNoItem, std::memory_order_relaxed);
  }
  call_.store(loop.call, std::memory_order_release);
  context_.store(loop.context, std::memory_order_release);
  count_.store(loop.count, std::memory_order_release);
  num_done_.store(0, std::memory_order_relaxed);
  for (uint32_t share = 0; share < num_threads_; ++share) {
    claims_[share].next.store((loop_number << 32) | first_of(share, loop.count),
                              std::memory_order_release);
  }
  announce_change();

  while (run_items(0)) {
  }
  await_items(loop.count);
}

// Claims an item of the loop being shared and runs it. False where there is none to claim.
bool ThreadPool::run_items(uint32_t thread) {
  std::atomic<bool>& has_item = claims_[thread].has_item;
  has_item.store(true, std::memory_order_relaxed);
  bool has_run = false;
  for (uint32_t i = 0; i < num_threads_ && !has_run; ++i) {
    const uint32_t share = thread + i < num_threads_ ? thread + i : thread + i - num_threads_;
    has_run = run_item_of(share, thread);
  }
  has_item.store(false, std::memory_order_relaxed);
  return has_run;
}

bool ThreadPool::run_item_of(uint32_t share, uint32_t thread) {
  std::atomic<uint64_t>& next = claims_[share].next;
  uint64_t claim = next.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t count = count_.load(std::memory_order_acquire);
    const auto call = call_.load(std::memory_order_acquire);
    const void* context = context_.load(std::memory_order_acquire);
    const uint32_t item = item_of(claim);
    if (item == kNoItem || item >= first_of(share + 1, count)) return false;
    if (next.compare_exchange_weak(claim, claim + 1, std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
      call(context, item, thread);
      const uint32_t num_done = num_done_.fetch_add(1) + 1;
      if (num_done == count && leader_sleeps_.load()) futex_wake(num_done_);
      return true;
    }
  }
}

// First item of a thread's share.
uint32_t ThreadPool::first_of(uint32_t share, uint32_t count) const {
  return static_cast<uint32_t>(uint64_t{count} * share / num_threads_);
}

// The leader, once there is nothing left to claim: waits for the items of others. In the total
// order of the default memory order, either the last helper sees that the leader sleeps, or the
// leader sees that it was the last.
void ThreadPool::await_items(uint32_t count) {
  for (uint32_t i = 0; i < kSpins; ++i) {
    if (num_done_.load(std::memory_order_acquire) == count) return;
    spin();
  }
  for (uint32_t num_done = num_done_.load(); num_done != count; num_done = num_done_.load()) {
    help_on(count);
    leader_sleeps_.store(true);
    futex_wait(num_done_, num_done, kLookAgainNs);
    leader_sleeps_.store(false);
  }
}

// Gives the leader's CPU to a helper that holds an item and is kept off its own.
void ThreadPool::help_on(uint32_t count) {
  if (!placement_.is_active()) return;
  for (uint32_t thread = 1; thread < num_threads_ && num_done_.load() != count; ++thread) {
    if (!claims_[thread].has_item.load(std::memory_order_relaxed)) continue;
    if (!placement_.is_kept_waiting(thread)) continue;
    placement_.lend_cpu(thread);
    return;
  }
}

// Tells the helpers that there is a new loop, or that the job has ended.
void ThreadPool::announce_change() {
  loop_changes_.fetch_add(1);
  if (num_sleeping_helpers_.load() > 0) futex_wake(loop_changes_);
}

// A helper without an item: waits for the change after the one it has `seen`.
void ThreadPool::await_change(uint32_t seen, uint32_t thread) {
  for (uint32_t i = 0; i < kSpins; ++i) {
    if (loop_changes_.load(std::memory_order_acquire) != seen) return;
    spin();
  }
  if (placement_.is_active() && job_runs_.load() && !leader_sleeps_.load() &&
      placement_.is_kept_waiting(0)) {
    placement_.change_places_with_leader(thread);
  }
  num_sleeping_helpers_.fetch_add(1);
  futex_wait(loop_changes_, seen);  // Returns at once where the change has come meanwhile.
  num_sleeping_helpers_.fetch_sub(1);
}

}  // namespace dyn
