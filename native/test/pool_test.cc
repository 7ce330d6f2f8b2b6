// The thread pool: every item once, jobs in turn, and no job after its withdrawal.

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "pool/available_cpus.h"
#include "pool/thread_pool.h"

namespace {

using namespace dyn;

// A job that runs a function, for those who wait for it.
class FunctionJob {
 public:
  template <typename Body>
  explicit FunctionJob(Body body) : body_(std::move(body)) {
    job_ = {.run = [](void* self) { static_cast<FunctionJob*>(self)->run(); }, .self = this};
  }
  Job* get() { return &job_; }
  bool is_done() const { return is_done_; }
  void wait() const { is_done_.wait(false); }

 private:
  void run() {
    body_();
    is_done_ = true;
    is_done_.notify_all();
  }

  std::function<void()> body_;
  std::atomic<bool> is_done_ = false;
  Job job_;
};

void every_item_runs_once() {
  for (const uint32_t num_threads : {1u, 2u, 3u, 8u}) {
    ThreadPool pool;
    CHECK(pool.start(num_threads).ok());
    FunctionJob job([&] {
      for (uint32_t round = 0; round < 3000; ++round) {
        const uint32_t count = round % 37;
        std::vector<std::atomic<uint32_t>> times(count);
        pool.parallel_for(count, [&](uint32_t item, uint32_t thread) {
          CHECK(thread < num_threads);
          ++times[item];
        });
        for (const std::atomic<uint32_t>& time : times) CHECK(time == 1);
      }
    });
    pool.enqueue(job.get());
    job.wait();
    pool.withdraw(job.get());
  }
}

void loops_see_what_loops_before_them_wrote() {
  ThreadPool pool;
  CHECK(pool.start(4).ok());
  FunctionJob job([&] {
    std::vector<uint32_t> from(100, 0);
    std::vector<uint32_t> to(100, 0);
    for (uint32_t round = 1; round <= 2000; ++round) {
      pool.parallel_for(100, [&](uint32_t i, uint32_t) { to[i] = from[(i + 1) % 100] + 1; });
      std::swap(from, to);
    }
    for (const uint32_t value : from) CHECK(value == 2000);
  });
  pool.enqueue(job.get());
  job.wait();
  pool.withdraw(job.get());
}

void jobs_run_in_turn() {
  ThreadPool pool;
  CHECK(pool.start(2).ok());
  std::vector<int> order;  // Only the leader writes it.
  std::vector<std::unique_ptr<FunctionJob>> jobs;
  for (int i = 0; i < 20; ++i) {
    jobs.push_back(std::make_unique<FunctionJob>([&order, i] { order.push_back(i); }));
  }
  for (const auto& job : jobs) pool.enqueue(job->get());
  for (const auto& job : jobs) {
    job->wait();
    pool.withdraw(job->get());
  }
  for (int i = 0; i < 20; ++i) CHECK(order[static_cast<size_t>(i)] == i);
}

void withdrawing_waits_or_removes() {
  ThreadPool pool;
  CHECK(pool.start(2).ok());
  std::atomic<bool> has_begun = false;
  std::atomic<bool> may_end = false;
  FunctionJob running([&] {
    has_begun = true;
    has_begun.notify_all();
    may_end.wait(false);
  });
  FunctionJob first([] {});
  FunctionJob second([] {});
  FunctionJob third([] {});
  pool.enqueue(running.get());
  pool.enqueue(first.get());
  pool.enqueue(second.get());
  pool.enqueue(third.get());
  has_begun.wait(false);
  pool.withdraw(third.get());
  pool.withdraw(first.get());
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    may_end = true;
    may_end.notify_all();
  });
  pool.withdraw(running.get());
  CHECK(running.is_done());
  second.wait();
  pool.withdraw(second.get());
  CHECK(!first.is_done() && !third.is_done());
  later.join();
}

void keep_busy_until(const std::atomic<bool>& is_over) {
  while (!is_over) {
  }
}

uint32_t num_allowed_cpus() {
  cpu_set_t cpus;
  sched_getaffinity(0, sizeof(cpus), &cpus);
  return static_cast<uint32_t>(CPU_COUNT(&cpus));
}

// Beside one busy loop for each CPU a thread is kept off its own all the time, so threads are
// moved.
void busy_machines_cost_no_item() {
  const uint32_t num_cpus = num_allowed_cpus();
  const uint32_t num_threads = std::min(num_cpus, 4u);
  ThreadPool pool;
  CHECK(pool.start(num_threads).ok());
  std::atomic<bool> is_over = false;
  std::vector<std::thread> loops;
  for (uint32_t i = 0; i < num_threads; ++i) loops.emplace_back([&] { keep_busy_until(is_over); });
  const auto run_loops = [&](std::chrono::milliseconds duration) {
    std::vector<std::atomic<uint32_t>> times(16);
    uint32_t num_rounds = 0;
    FunctionJob job([&] {
      const auto end = std::chrono::steady_clock::now() + duration;
      for (; std::chrono::steady_clock::now() < end; ++num_rounds) {
        pool.parallel_for(16, [&](uint32_t item, uint32_t) {
          const auto done = std::chrono::steady_clock::now() + std::chrono::microseconds(20);
          while (std::chrono::steady_clock::now() < done) {
          }
          ++times[item];
        });
      }
    });
    pool.enqueue(job.get());
    job.wait();
    pool.withdraw(job.get());
    CHECK(num_rounds > 0);
    for (const std::atomic<uint32_t>& time : times) CHECK(time == num_rounds);
  };
  run_loops(std::chrono::milliseconds(500));
  is_over = true;
  for (std::thread& loop : loops) loop.join();

  // A while later, each may run anywhere again. It takes longer where others are busy all the time.
  uint32_t num_allowed = 0;
  for (int round = 0; round < 100 && num_allowed != num_cpus; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    FunctionJob job([&] { num_allowed = num_allowed_cpus(); });
    pool.enqueue(job.get());
    job.wait();
    pool.withdraw(job.get());
  }
  CHECK(num_allowed == num_cpus);
}

// A folder with the files of a control group, gone afterwards.
class Groups {
 public:
  Groups() {
    char name[] = "/tmp/dynamo-groups-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Groups() { std::filesystem::remove_all(path_); }

  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  double limit() const { return cgroup_cpu_limit(path_ + "/self", path_); }

 private:
  std::string path_;
};

void control_groups_limit_the_cpus() {
  const double none = std::numeric_limits<double>::infinity();
  CHECK(cgroup_cpu_limit("/nowhere", "/nowhere") == none);
  {
    const Groups v2;
    v2.write("self", "0::/a/b\n");
    CHECK(v2.limit() == none);
    v2.write("a/b/cpu.max", "max 100000\n");
    CHECK(v2.limit() == none);
    v2.write("a/cpu.max", "150000 100000\n");
    CHECK(v2.limit() == 1.5);
    v2.write("a/b/cpu.max", "50000 100000\n");
    CHECK(v2.limit() == 0.5);
  }
  {
    const Groups seen_from_inside;
    seen_from_inside.write("self", "0::/\n");
    seen_from_inside.write("cpu.max", "300000 100000\n");
    CHECK(seen_from_inside.limit() == 3);
  }
  {
    const Groups v1;
    v1.write("self", "3:cpuset:/\n2:cpu,cpuacct:/pod\n0::/\n");
    v1.write("cpu,cpuacct/pod/cpu.cfs_quota_us", "-1\n");
    v1.write("cpu,cpuacct/pod/cpu.cfs_period_us", "100000\n");
    CHECK(v1.limit() == none);
    v1.write("cpu,cpuacct/pod/cpu.cfs_quota_us", "200000\n");
    CHECK(v1.limit() == 2);
  }
  const AvailableCpus cpus = available_cpus();
  CHECK(cpus.count >= 1 && cpus.count <= std::thread::hardware_concurrency());
  CHECK(cpus.by != DYN_THREADS_BY_CONFIGURATION);
}

void affinity_limits_the_cpus() {
  std::thread pinned([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
    CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
    CHECK(available_cpus().count == 1);
    CHECK(available_cpus().by == DYN_THREADS_BY_AFFINITY || sysconf(_SC_NPROCESSORS_ONLN) == 1);
  });
  pinned.join();
}

}  // namespace

int main() {
  check_claim("a loop runs every item once, on any number of threads", every_item_runs_once);
  check_claim("a loop sees what the loop before it wrote", loops_see_what_loops_before_them_wrote);
  check_claim("jobs run whole and in turn", jobs_run_in_turn);
  check_claim("a withdrawn job has ended or never begins", withdrawing_waits_or_removes);
  check_claim("a busy machine costs no item", busy_machines_cost_no_item);
  check_claim("control groups limit the CPUs that are used", control_groups_limit_the_cpus);
  check_claim("so does affinity", affinity_limits_the_cpus);
  return check_finish();
}
