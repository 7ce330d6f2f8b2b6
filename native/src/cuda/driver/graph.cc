#include "cuda/driver/graph.h"

namespace dyn::cuda {

Graph::~Graph() {
  if (graph_ != nullptr && context_->enter().ok()) context_->driver().cuGraphExecDestroy(graph_);
}

Status Graph::begin(const Context& context, const Stream& stream) {
  context_ = &context;
  const Driver& driver = context.driver();
  return check(driver,
               driver.cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
               "cuStreamBeginCapture");
}

Status Graph::end(const Stream& stream) {
  const Driver& driver = context_->driver();
  CUgraph captured = nullptr;
  RETURN_IF_ERROR(
      check(driver, driver.cuStreamEndCapture(stream.get(), &captured), "cuStreamEndCapture"));
  const Status made = check(driver, driver.cuGraphInstantiateWithFlags(&graph_, captured, 0),
                            "cuGraphInstantiateWithFlags");
  driver.cuGraphDestroy(captured);
  if (!made.ok()) graph_ = nullptr;
  return made;
}

Status Graph::launch(const Stream& stream) const {
  const Driver& driver = context_->driver();
  return check(driver, driver.cuGraphLaunch(graph_, stream.get()), "cuGraphLaunch");
}

}  // namespace dyn::cuda
