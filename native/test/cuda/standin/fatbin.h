// The PTX inside a fatbin, and its hash, by which the translated module is found.

#pragma once

#include <cstdint>
#include <string>

#include "runner/kernel.h"

namespace standin {

// The module whose PTX this image carries, which may be a fatbin or PTX itself; null, and why, if there is none.
const ptx::Module* find_module(const void* image, std::string* why);

// FNV-1a of the text without comments and with single spaces: translate.ts has the same.
uint64_t hash_of_ptx(const std::string& text);

}  // namespace standin
