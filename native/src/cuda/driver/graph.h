// Graph: launches that were captured once, to be replayed by one call.

#pragma once

#include <utility>

#include "cuda/driver/stream.h"

namespace dyn::cuda {

class Graph {
 public:
  Graph() = default;
  Graph(Graph&& other) noexcept
      : context_(other.context_), graph_(std::exchange(other.graph_, nullptr)) {}
  Graph& operator=(Graph&&) = delete;
  ~Graph();

  // Captures what `enqueue` puts into the stream: nothing runs. An error ends the capture, too.
  template <typename Enqueue>
  Status capture(const Context& context, const Stream& stream, const Enqueue& enqueue) {
    RETURN_IF_ERROR(begin(context, stream));
    const Status enqueued = enqueue();
    const Status ended = end(stream);
    return enqueued.ok() ? ended : enqueued;
  }

  Status launch(const Stream& stream) const;

 private:
  Status begin(const Context& context, const Stream& stream);
  Status end(const Stream& stream);

  const Context* context_ = nullptr;
  CUgraphExec graph_ = nullptr;
};

}  // namespace dyn::cuda
