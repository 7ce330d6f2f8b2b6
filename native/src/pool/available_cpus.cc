#include "pool/available_cpus.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>

namespace dyn {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

double limit_of(double quota, double period) {
  return quota > 0 && period > 0 ? quota / period : kNoLimit;
}

// The whole file; empty if it cannot be read. Streams of the standard library would do the same, at
// the price of its locales: 1.2 MB, and half of the symbols that the library needs of the C
// library.
std::string read_text(const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 4096> part;
  for (;;) {
    const ssize_t got = read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(part.data(), static_cast<size_t>(got));
  }
  close(fd);
  return text;
}

// The number at `at`, past which `at` is moved; 0, which is no limit, where there is none ("max").
double next_number(const char** at) {
  char* end = nullptr;
  const double number = std::strtod(*at, &end);
  *at = end;
  return number;
}

// "150000 100000", or "max 100000".
double limit_v2(const std::string& group) {
  const std::string text = read_text(group + "/cpu.max");
  const char* at = text.c_str();
  const double quota = next_number(&at);
  return limit_of(quota, next_number(&at));
}

// A quota of -1 is none.
double limit_v1(const std::string& group) {
  const std::string quota = read_text(group + "/cpu.cfs_quota_us");
  const std::string period = read_text(group + "/cpu.cfs_period_us");
  const char* quota_at = quota.c_str();
  const char* period_at = period.c_str();
  return limit_of(next_number(&quota_at), next_number(&period_at));
}

// The smallest limit of `path` and the groups above it. In a container the path may be that of the
// host, of which only the root is mounted.
template <typename Limit>
double smallest(const std::string& mount, std::string path, const Limit& limit) {
  double least = kNoLimit;
  for (;;) {
    if (path == "/") path.clear();
    least = std::min(least, limit(mount + path));
    if (path.empty()) return least;
    path.resize(path.rfind('/'));
  }
}

bool has_cpu(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

// hardware_concurrency() counts CPUs that this process may not run on as well.
uint32_t schedulable_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    return static_cast<uint32_t>(std::max(1, CPU_COUNT(&set)));
  }
  return std::max(1u, std::thread::hardware_concurrency());  // More CPUs than a set has room for.
}

}  // namespace

double cgroup_cpu_limit(const std::string& membership, const std::string& mount) {
  double least = kNoLimit;
  const std::string text = read_text(membership);
  // hierarchy:controllers:/path; version 2 has number 0 and no controllers.
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, smallest(mount, path, limit_v2));
      least = std::min(least, smallest(mount + "/unified", path, limit_v2));
    } else if (has_cpu(controllers)) {
      least = std::min(least, smallest(mount + "/cpu", path, limit_v1));
      least = std::min(least, smallest(mount + "/" + controllers, path, limit_v1));
    }
  }
  return least;
}

AvailableCpus available_cpus() {
  const uint32_t schedulable = schedulable_cpus();
  const double limit = cgroup_cpu_limit("/proc/self/cgroup", "/sys/fs/cgroup");
  if (limit < schedulable) {
    return {std::max(1u, static_cast<uint32_t>(std::floor(limit))), DYN_THREADS_BY_CONTROL_GROUP};
  }
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return {schedulable, schedulable < online ? DYN_THREADS_BY_AFFINITY : DYN_THREADS_BY_CPUS};
}

}  // namespace dyn
