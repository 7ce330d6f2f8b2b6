#include "cuda/upload.h"

#include <algorithm>
#include <cstring>

#include "cuda/driver/stream.h"

namespace dyn::cuda {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{8} << 20;

struct Turn {
  PinnedBuffer buffer;
  Stream stream;
};

}  // namespace

Status upload(const Context& context, const std::byte* from, uint64_t num_bytes,
              const std::atomic<bool>& stopping, DeviceBuffer* buffer) {
  RETURN_IF_ERROR(DeviceBuffer::create(context, num_bytes, "the weights", buffer));
  Turn turns[2];
  for (Turn& turn : turns) {
    const uint64_t size = std::min(kPieceBytes, num_bytes);
    RETURN_IF_ERROR(PinnedBuffer::create(context, size, "weights on their way", &turn.buffer));
    RETURN_IF_ERROR(turn.stream.open(context));
  }
  uint32_t index = 0;
  for (uint64_t at = 0; at < num_bytes; at += kPieceBytes, index ^= 1) {
    if (stopping) return not_loadable("the load was stopped");
    const Turn& turn = turns[index];
    const uint64_t size = std::min(kPieceBytes, num_bytes - at);
    RETURN_IF_ERROR(turn.stream.wait());
    std::memcpy(turn.buffer.data(), from + at, size);
    RETURN_IF_ERROR(turn.stream.copy_in(buffer->at(at), turn.buffer.data(), size));
  }
  RETURN_IF_ERROR(turns[0].stream.wait());
  return turns[1].stream.wait();
}

}  // namespace dyn::cuda
