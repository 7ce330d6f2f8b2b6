// ExpertPlan: which experts a step's tokens go to in one layer, and the rows of each.
//
//     weights of a token = softmax over its num_per_token largest router logits, or those of the
//                          softmax over all (norm_top_k)
//
// The lower expert's counts as larger of two equal logits. A pair is a token and one of its experts;
// pairs lie by expert, those of an expert in the order of the tokens, and are cut into blocks of
// rows that one call of a kernel can multiply.

#pragma once

#include <cstdint>
#include <span>

#include "base/arena.h"

namespace dyn {

class ExpertPlan {
 public:
  struct Shape {
    uint32_t num_experts;    // E
    uint32_t num_per_token;  // k
    bool norm_top_k;
  };

  // Neighbouring pairs of one expert.
  struct Block {
    uint32_t expert;
    uint32_t first_pair;
    uint32_t num_rows;
  };

  explicit ExpertPlan(const Shape& shape) : shape_(shape) {}

  void place(uint64_t max_tokens, Arena* arena);

  // Sets a token's experts and their weights. Tokens may be chosen for at the same time.
  void choose(uint32_t token, const float* logits /* [E] */);

  // Sets pairs and blocks by what was chosen for tokens [0, num_tokens).
  void make(uint32_t num_tokens);

  std::span<const Block> blocks() const { return {blocks_, num_blocks_}; }
  // The tokens of a block's pairs, ascending, and what their expert counts for each.
  std::span<const uint32_t> tokens(const Block& block) const {
    return {tokens_ + block.first_pair, block.num_rows};
  }
  std::span<const float> weights(const Block& block) const {
    return {weights_ + block.first_pair, block.num_rows};
  }

 private:
  void cut(uint32_t expert, uint32_t first_pair, uint32_t num_pairs);

  const Shape shape_;
  uint32_t num_blocks_ = 0;
  uint32_t* chosen_ = nullptr;       // [T, k]
  float* chosen_weights_ = nullptr;  // [T, k]
  uint32_t* ends_ = nullptr;         // [E]
  uint32_t* tokens_ = nullptr;       // [T * k], by pair
  float* weights_ = nullptr;         // [T * k]
  Block* blocks_ = nullptr;          // [E + T * k / kMaxGemmRows]
};

}  // namespace dyn
