#include "pack/tensor_reader.h"

#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "pack/dtype.h"

namespace dyn {

Status read_tensor(const dyn_tensor& tensor, const std::string& name, uint64_t offset,
                   uint64_t num_bytes, std::byte* to) {
  uint64_t num_read = 0;
  while (num_read < num_bytes) {
    const uint64_t at = tensor.offset + offset + num_read;
    const ssize_t got =
        pread(tensor.fd, to + num_read, num_bytes - num_read, static_cast<off_t>(at));
    if (got > 0) {
      num_read += static_cast<uint64_t>(got);
    } else if (got == 0) {
      return not_loadable(name + ": the file ends at byte " + std::to_string(at) + ", " +
                          std::to_string(num_bytes - num_read) +
                          " bytes short; it was cut, so fetch it again");
    } else if (errno != EINTR) {
      return not_loadable(name + ": cannot read byte " + std::to_string(at) +
                          " of the file: " + std::generic_category().message(errno));
    }
  }
  return {};
}

Status read_vector(const dyn_tensor& tensor, const std::string& name, float offset, float* to) {
  std::vector<std::byte> bytes(tensor.num_bytes);
  RETURN_IF_ERROR(read_tensor(tensor, name, 0, tensor.num_bytes, bytes.data()));
  const auto dtype = static_cast<dyn_dtype>(tensor.dtype);
  for (size_t i = 0; i < tensor.shape[0]; ++i) {
    to[i] = read_f32(dtype, &bytes[i * bytes_of(dtype)]) + offset;
  }
  return {};
}

}  // namespace dyn
