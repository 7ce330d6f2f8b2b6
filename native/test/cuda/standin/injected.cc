#include "standin/injected.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>

namespace standin {
namespace {

using Setter = std::function<void(Injected&, uint64_t)>;

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> all = {
      {"no-device", [](Injected& to, uint64_t) { to.has_no_device = true; }},
      {"integrated", [](Injected& to, uint64_t) { to.is_integrated = true; }},
      {"recovers", [](Injected& to, uint64_t) { to.recovers = true; }},
      {"checks=all", [](Injected& to, uint64_t) { to.checks_all = true; }},
      {"driver", [](Injected& to, uint64_t n) { to.driver_version = static_cast<int>(n); }},
      {"devices", [](Injected& to, uint64_t n) { to.num_devices = static_cast<int>(n); }},
      {"capability", [](Injected& to, uint64_t n) { to.capability = static_cast<int>(n); }},
      {"seed", [](Injected& to, uint64_t n) { to.seed = static_cast<uint32_t>(n); }},
      {"memory", [](Injected& to, uint64_t n) { to.memory_bytes = n; }},
      {"oom", [](Injected& to, uint64_t n) { to.oom_at = n; }},
      {"host-oom", [](Injected& to, uint64_t n) { to.host_oom_at = n; }},
      {"fail-launch", [](Injected& to, uint64_t n) { to.fail_launch_at = n; }},
      {"lose", [](Injected& to, uint64_t n) { to.lose_at = n; }},
      {"hang", [](Injected& to, uint64_t n) { to.hang_at = n; }},
  };
  return all;
}

}  // namespace

Injected parse_injected(const std::string& words) {
  Injected result;
  std::istringstream stream(words);
  for (std::string word; std::getline(stream, word, ',');) {
    const size_t equals = word.find('=');
    const auto whole = setters().find(word);
    const auto named = setters().find(word.substr(0, equals));
    if (whole != setters().end()) {
      whole->second(result, 0);
    } else if (named != setters().end() && equals != std::string::npos) {
      named->second(result, std::stoull(word.substr(equals + 1)));
    } else {
      std::fprintf(stderr, "DYNAMO_STANDIN_CUDA: there is no %s\n", word.c_str());
      std::abort();
    }
  }
  return result;
}

Injected& injected() {
  static Injected result = [] {
    const char* const words = std::getenv("DYNAMO_STANDIN_CUDA");
    return parse_injected(words == nullptr ? "" : words);
  }();
  return result;
}

}  // namespace standin
