// Status: what a call that can fail returns. Inside the library there are no exceptions of our
// making; c_api turns a Status into a dyn_status and the text of dyn_last_error().

#pragma once

#include <string>
#include <utility>

#include "dynamo_engine.h"

namespace dyn {

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(dyn_status code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == DYN_OK; }
  dyn_status code() const { return code_; }
  // One line: what, where, and what would be right.
  const std::string& message() const { return message_; }

 private:
  dyn_status code_ = DYN_OK;
  std::string message_;
};

inline Status invalid_argument(std::string message) {
  return {DYN_INVALID_ARGUMENT, std::move(message)};
}

inline Status no_device(std::string message) {
  return {DYN_NO_DEVICE, std::move(message)};
}

inline Status not_loadable(std::string message) {
  return {DYN_MODEL_NOT_LOADABLE, std::move(message)};
}

inline Status out_of_memory(std::string message) {
  return {DYN_OUT_OF_MEMORY, std::move(message)};
}

}  // namespace dyn

#define RETURN_IF_ERROR(expression)                    \
  do {                                                 \
    ::dyn::Status return_if_error = (expression);      \
    if (!return_if_error.ok()) return return_if_error; \
  } while (false)
