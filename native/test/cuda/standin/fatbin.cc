#include "standin/fatbin.h"

#include <cctype>
#include <cstring>

namespace standin {
namespace {

constexpr uint32_t kFatbinMagic = 0xba55ed50;
constexpr uint16_t kPtx = 1;

struct FatbinHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;
  uint64_t bytes;  // Behind the header.
};

struct FatbinEntry {
  uint16_t kind;
  uint16_t version;
  uint32_t header_bytes;
  uint64_t bytes;  // Behind the header.
  uint32_t compressed_bytes;
};

std::string without_comments(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, 2, "//") == 0) {
      i = text.find('\n', i);
      if (i == std::string::npos) break;
    } else if (text.compare(i, 2, "/*") == 0) {
      const size_t end = text.find("*/", i + 2);
      if (end == std::string::npos) break;
      result += ' ';
      i = end + 2;
    } else {
      result += text[i++];
    }
  }
  return result;
}

// The first PTX of a fatbin; empty, and why, if there is none to read.
std::string ptx_of(const uint8_t* image, std::string* why) {
  FatbinHeader header;
  std::memcpy(&header, image, sizeof header);
  const uint8_t* at = image + header.header_bytes;
  const uint8_t* const end = at + header.bytes;
  while (at + sizeof(FatbinEntry) <= end) {
    FatbinEntry entry;
    std::memcpy(&entry, at, sizeof entry);
    const uint8_t* const content = at + entry.header_bytes;
    if (entry.kind == kPtx && entry.compressed_bytes != 0) {
      *why = "the fatbin's PTX is compressed: build it with fatbinary --compress=false";
      return "";
    }
    if (entry.kind == kPtx) {
      const std::string text(reinterpret_cast<const char*>(content), entry.bytes);
      return text.substr(0, text.find('\0'));
    }
    at = content + entry.bytes;
  }
  *why = "the fatbin has no PTX";
  return "";
}

}  // namespace

uint64_t hash_of_ptx(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](char character) {
    hash = (hash ^ static_cast<uint8_t>(character)) * 0x100000001b3;
  };
  bool is_begun = false;
  bool has_space = false;
  for (const char character : without_comments(text)) {
    if (std::isspace(static_cast<unsigned char>(character)) != 0) {
      has_space = is_begun;
      continue;
    }
    if (has_space) add(' ');
    has_space = false;
    is_begun = true;
    add(character);
  }
  return hash;
}

const ptx::Module* find_module(const void* image, std::string* why) {
  uint32_t magic;
  std::memcpy(&magic, image, sizeof magic);
  const char* const text = static_cast<const char*>(image);
  const std::string ptx = magic == kFatbinMagic ? ptx_of(static_cast<const uint8_t*>(image), why)
                                                : std::string(text, std::strlen(text));
  if (ptx.empty()) return nullptr;
  const uint64_t hash = hash_of_ptx(ptx);
  for (const ptx::Module& module : ptx::modules()) {
    if (module.hash == hash) return &module;
  }
  *why = "the image's PTX is not the one that was translated: build both again";
  return nullptr;
}

}  // namespace standin
