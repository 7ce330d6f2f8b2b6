// A benchmark's way into the pool, whose loops run within a job only.

#pragma once

#include <condition_variable>
#include <mutex>

#include "pool/thread_pool.h"

namespace dyn::bench {

// Runs `body` on the pool's leader and waits for it.
template <typename Body>
void run_on(ThreadPool* pool, const Body& body) {
  struct Context {
    const Body& body;
    std::mutex mutex;
    std::condition_variable done;
    bool is_done = false;
  } context{body, {}, {}};
  Job job = {.run =
                 [](void* self) {
                   auto* running = static_cast<Context*>(self);
                   running->body();
                   const std::lock_guard lock(running->mutex);
                   running->is_done = true;
                   running->done.notify_all();
                 },
             .self = &context};
  pool->enqueue(&job);
  {
    std::unique_lock lock(context.mutex);
    context.done.wait(lock, [&] { return context.is_done; });
  }
  pool->withdraw(&job);
}

}  // namespace dyn::bench
