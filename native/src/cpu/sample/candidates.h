// The tokens that top-k, top-p and min-p leave over, found without sorting the vocabulary.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dyn {

struct Candidate {
  float logit;
  float weight;  // e^((logit - max) / temperature)
  int32_t id;
};

// True if `a` ranks before `b`: by logit, and by id where these are equal.
inline bool is_likelier(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// Collects ids with logit >= floor, of these the k likeliest (all where k is 0). Equal logits rank
// by id. `candidates` has room for the whole vocabulary. Returns how many there are; the order is
// unspecified but always the same.
size_t collect_candidates(std::span<const float> logits, float floor, size_t k,
                          Candidate* candidates);

// Moves the likeliest candidates whose weights reach `mass` together to the front and returns their
// number, at least 1. Expected time is linear.
size_t keep_mass(std::span<Candidate> candidates, double mass);

}  // namespace dyn
