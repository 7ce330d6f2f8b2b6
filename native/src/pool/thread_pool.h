// ThreadPool: the compute threads of one device.
//
//   submitter --enqueue--> [ job, job ] --whole jobs in turn--> leader --parallel_for--> helpers
//
// A job is one step of one engine. The first thread, the leader, takes jobs in the order in which
// they came and runs their serial code; parallel_for shares a loop's items with the helpers. Each
// thread has neighbouring items for its share, so that it reads memory in order and what it fetches
// ahead is its own, and claims them one by one; once its share is done it claims from the others'.
// A helper that the system has descheduled holds up the one item it has claimed and nothing else,
// so a busy machine costs an item, not a loop; and the thread that waits for it gives it a CPU
// (thread_placement.h). A thread without work spins briefly, for the next loop is near, and
// then sleeps, so that others get the CPU.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "base/status.h"
#include "pool/thread_placement.h"

namespace dyn {

// The caller keeps it alive until withdraw() has returned.
struct Job {
  void (*run)(void* self) = nullptr;
  void* self = nullptr;
  Job* next = nullptr;
};

class ThreadPool {
 public:
  ThreadPool() = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  Status start(uint32_t num_threads);
  uint32_t num_threads() const { return num_threads_; }

  // Runs the job after those enqueued before it. It must not be in the queue already.
  void enqueue(Job* job);

  // Takes the job out of the queue, and waits for its end where it is running.
  void withdraw(Job* job);

  // Changes with each item of a loop that is done. From any thread.
  uint64_t progress() const {
    return (num_loops_.load(std::memory_order_relaxed) << 20) +
           num_done_.load(std::memory_order_relaxed);
  }

  // Calls body(item, thread) once for each item below `count`, on any threads in any order, and
  // returns when all are done. Within a job only. A template, so that the body is inlined.
  template <typename Body>
  void parallel_for(uint32_t count, const Body& body) {
    const auto call = [](const void* context, uint32_t item, uint32_t thread) {
      (*static_cast<const Body*>(context))(item, thread);
    };
    run_loop({.call = call, .context = &body, .count = count});
  }

 private:
  struct Loop {
    void (*call)(const void* context, uint32_t item, uint32_t thread);
    const void* context;
    uint32_t count;
  };

  void lead();
  void help(uint32_t thread);
  void stop();
  void run_loop(const Loop& loop);
  bool run_items(uint32_t thread);
  bool run_item_of(uint32_t share, uint32_t thread);
  uint32_t first_of(uint32_t share, uint32_t count) const;
  void await_items(uint32_t count);
  void help_on(uint32_t count);
  void announce_change();
  void await_change(uint32_t seen, uint32_t thread);

  uint32_t num_threads_ = 0;
  std::vector<std::thread> threads_;
  ThreadPlacement placement_;

  std::mutex mutex_;  // Guards the queue and running_.
  std::condition_variable queue_changed_;
  std::condition_variable job_ended_;
  std::condition_variable job_started_;
  Job* first_ = nullptr;
  Job* last_ = nullptr;
  Job* running_ = nullptr;
  bool stopping_ = false;

  std::atomic<bool> job_runs_ = false;

  // The loop being shared. Its number is in the upper half of a claim, the share's next free item
  // in the lower: one made for a loop that has ended meanwhile fails, so a late helper can do no
  // harm.
  struct alignas(64) Claim {
    std::atomic<uint64_t> next = 0;
    std::atomic<bool> has_item = false;  // The thread whose share this is, of any share.
  };
  std::vector<Claim> claims_;  // [num_threads], a share each
  std::atomic<void (*)(const void*, uint32_t, uint32_t)> call_ = nullptr;
  std::atomic<const void*> context_ = nullptr;
  std::atomic<uint32_t> count_ = 0;

  // Changes with each loop and at the end of a job: what helpers without an item sleep on.
  std::atomic<uint32_t> loop_changes_ = 0;
  std::atomic<uint32_t> num_sleeping_helpers_ = 0;

  std::atomic<uint64_t> num_loops_ = 0;  // Written by the leader.

  // Items done of the loop being shared: what the leader sleeps on.
  alignas(64) std::atomic<uint32_t> num_done_ = 0;
  std::atomic<bool> leader_sleeps_ = false;
};

}  // namespace dyn
