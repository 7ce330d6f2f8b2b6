// How many CPUs this process may use: those it may be scheduled on, and no more than its control
// groups give it time for.

#pragma once

#include <cstdint>
#include <string>

#include "dynamo_engine.h"

namespace dyn {

struct AvailableCpus {
  uint32_t count;  // At least 1.
  dyn_threads_by by;
};

// Shares of a CPU are not used: a thread that is stopped until the next period holds up all
// others, since they wait for each other many times a step.
AvailableCpus available_cpus();

// The smallest limit, in CPUs, of the groups that `membership` (/proc/self/cgroup) names and those
// above them, in the hierarchies mounted at `mount` (/sys/fs/cgroup): cpu.max of version 2,
// cpu.cfs_quota_us and cpu.cfs_period_us of version 1. Infinity where there is none.
double cgroup_cpu_limit(const std::string& membership, const std::string& mount);

}  // namespace dyn
