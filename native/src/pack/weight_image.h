// WeightImage: all packed weights of a model in one stretch of memory, which is also what a cache
// file holds, byte for byte:
//
//   header, checksums [num_chunks], zeros up to a page of 64 KiB
//   body: the weights, each on a cache line, in chunks of 2 MiB that have a checksum each
//
// Weights are either packed into it, and it is sealed, or it is read from a file. A file from
// another model, device kind, instruction set or version, cut short or damaged anywhere is no image: every chunk
// is checked before anything is computed with it.
//
// Read, not mapped, unless it is asked for: huge pages are to be had for memory, but hardly for a
// file's pages, which were given out singly when it was written; and with 4 KiB pages a decode step
// of one sequence takes 17 % longer. A mapped image takes no memory that the system could not take
// back.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/mapping.h"
#include "base/status.h"

namespace dyn {

// Raise it with any change of how weights lie in panels or in the image: native/test/image_test.cc
// fails where they have changed.
inline constexpr uint32_t kPackVersion = 2;

// Identity of an image.
struct ImageKey {
  uint64_t model;
  uint32_t kind;  // dyn_device_kind
  uint32_t isa;   // dyn_isa of a CPU
  bool operator==(const ImageKey&) const = default;
};

class WeightImage {
 public:
  WeightImage(const ImageKey& key, uint64_t body_bytes);

  // Takes memory for the whole image. The body is zero.
  Status create();

  enum class Access { kRead, kMap };

  // Takes memory and reads the header in, or maps the file, where that has the right length and
  // header. A mapped image cannot be written to.
  bool open(int fd, Access access);

  // Has a chunk of the file read in, and says whether it is there and whole.
  bool read_chunk(int fd, uint32_t index);

  const std::byte* data() const { return memory_.data(); }
  uint64_t num_bytes() const { return header_bytes_ + body_bytes_; }
  std::byte* body() const { return memory_.data() + header_bytes_; }
  uint32_t num_chunks() const { return num_chunks_; }
  uint64_t chunk_bytes(uint32_t index) const { return chunk(index).num_bytes; }

  // Seals a created image, when it is full: each chunk's checksum, then the header's.
  void seal_chunk(uint32_t index);
  void seal();

 private:
  struct Header;
  struct Chunk {
    uint64_t offset;  // From the image's first byte.
    uint64_t num_bytes;
  };

  Chunk chunk(uint32_t index) const;
  bool has_own_header() const;
  Header expected_header() const;
  uint64_t* checksums() const;

  const ImageKey key_;
  const uint64_t body_bytes_;
  const uint32_t num_chunks_;
  const uint64_t header_bytes_;
  bool is_mapped_ = false;
  Mapping memory_;
};

}  // namespace dyn
