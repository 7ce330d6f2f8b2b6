// SharedByKey: objects of the process that are made once and shared by the openers of their key. An
// object lives as long as an opener holds it.

#pragma once

#include <compare>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "base/status.h"

namespace dyn {

// Key of a shared object, and what it is on: models of equal keys on two devices are two models.
struct SharedKey {
  const void* on;  // The object that it is made on, null for a device.
  uint64_t key;
  auto operator<=>(const SharedKey&) const = default;
};

// A template, since devices, models and pools are shared in the same way.
template <typename T>
class SharedByKey {
 public:
  // Sets *object to the live object of `key`, or to what `make(&made)` makes. Others who open the
  // key meanwhile wait; where making fails, each of them tries for itself.
  template <typename Make>
  Status open(const SharedKey& key, const Make& make, std::shared_ptr<T>* object) {
    std::unique_lock lock(mutex_);
    forget_dead();
    for (;;) {
      Entry& entry = entries_[key];
      *object = entry.object.lock();
      if (*object != nullptr) return {};
      if (!entry.is_being_made) {
        entry.is_being_made = true;
        break;
      }
      made_.wait(lock);
    }
    lock.unlock();

    Making making(this, key);
    RETURN_IF_ERROR(make(&making.object));
    *object = making.object;
    return {};
  }

 private:
  struct Entry {
    std::weak_ptr<T> object;
    bool is_being_made = false;
  };

  // Publishes what was made, if anything, and lets the others go on, however the making ended.
  struct Making {
    Making(SharedByKey* shared, const SharedKey& key) : shared_(shared), key_(key) {}
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;
    ~Making() {
      {
        const std::lock_guard lock(shared_->mutex_);
        shared_->entries_[key_] = {.object = object, .is_being_made = false};
      }
      shared_->made_.notify_all();
    }

    std::shared_ptr<T> object;

   private:
    SharedByKey* const shared_;
    const SharedKey key_;
  };

  void forget_dead() {
    std::erase_if(entries_, [](const auto& item) {
      return !item.second.is_being_made && item.second.object.expired();
    });
  }

  std::mutex mutex_;
  std::condition_variable made_;
  std::map<SharedKey, Entry> entries_;
};

}  // namespace dyn
