// HandleTable: which handles are open, whose they are, and what they refer to. A handle is looked
// up before it is followed, so a closed one is an error and no crash.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dyn {

// Handle is the opaque type of dynamo_engine.h for T. A template, since all four kinds are the
// same.
template <typename Handle, typename T>
class HandleTable {
 public:
  Handle* open(uint32_t owner, std::shared_ptr<T> object) {
    auto entry = std::make_unique<Entry>(Entry{owner, std::move(object)});
    // The entry's address is a number that no other open handle has; no call reads through it.
    Handle* handle = reinterpret_cast<Handle*>(entry.get());
    const std::lock_guard lock(mutex_);
    entries_.emplace(handle, std::move(entry));
    return handle;
  }

  // Null where the handle is not open.
  std::shared_ptr<T> find(Handle* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(handle);
    return found == entries_.end() ? nullptr : found->second->object;
  }

  std::vector<std::shared_ptr<T>> of_owner(uint32_t owner) {
    std::vector<std::shared_ptr<T>> objects;
    const std::lock_guard lock(mutex_);
    for (const auto& item : entries_) {
      if (item.second->owner == owner) objects.push_back(item.second->object);
    }
    return objects;
  }

  // The handle's reference, for the caller to drop; null where it is not open.
  std::shared_ptr<T> close(Handle* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(handle);
    if (found == entries_.end()) return nullptr;
    std::shared_ptr<T> object = std::move(found->second->object);
    entries_.erase(found);
    return object;
  }

  // Closes all handles of the owner. Their references are for the caller to drop, which may wait.
  std::vector<std::shared_ptr<T>> close_all(uint32_t owner) {
    std::vector<std::shared_ptr<T>> objects;
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](auto& item) {
      if (item.second->owner != owner) return false;
      objects.push_back(std::move(item.second->object));
      return true;
    });
    return objects;
  }

 private:
  struct Entry {
    uint32_t owner;
    std::shared_ptr<T> object;
  };

  std::mutex mutex_;
  std::unordered_map<Handle*, std::unique_ptr<Entry>> entries_;
};

}  // namespace dyn
