// Fast C simulation: words as native limbs, integers as int64_t, hardware popcount. Overflow of a declared accumulator
// width does not show here; the strict simulation is there for that.
#pragma once

#include <cstdint>

namespace hwsv {

template <int BITS>
struct word_t {
  static constexpr int limbs = (BITS + 63) / 64;
  static constexpr uint64_t top_mask = BITS % 64 ? (uint64_t(1) << (BITS % 64)) - 1 : ~uint64_t(0);
  uint64_t limb[limbs] = {};

  word_t() = default;
  word_t(int64_t value) {
    limb[0] = limbs == 1 ? uint64_t(value) & top_mask : uint64_t(value);
  }
  int to_int() const { return int(limb[0]); }
  bool operator[](int bit) const { return limb[bit / 64] >> (bit % 64) & 1; }
  word_t operator^(const word_t& other) const {
    word_t result;
    for (int i = 0; i < limbs; ++i) result.limb[i] = limb[i] ^ other.limb[i];
    return result;
  }
};

template <int BITS>
using integer = int64_t;

template <int BITS, int WIDTH>
inline word_t<BITS> slice(const word_t<WIDTH>& word, int low) {
  word_t<BITS> part;
  const int at = low / 64, shift = low % 64;
  for (int i = 0; i < part.limbs; ++i) {
    uint64_t bits = word.limb[at + i] >> shift;
    if (shift && at + i + 1 < word.limbs) bits |= word.limb[at + i + 1] << (64 - shift);
    part.limb[i] = bits;
  }
  part.limb[part.limbs - 1] &= part.top_mask;
  return part;
}

template <int BITS, int WIDTH>
inline void place(word_t<WIDTH>& word, int low, const word_t<BITS>& part) {
  const int shift = low % 64;
  for (int i = 0; i < part.limbs; ++i) {
    const uint64_t mask = i == part.limbs - 1 ? part.top_mask : ~uint64_t(0);
    const int at = low / 64 + i;
    word.limb[at] = (word.limb[at] & ~(mask << shift)) | part.limb[i] << shift;
    if (shift && mask >> (64 - shift))
      word.limb[at + 1] = (word.limb[at + 1] & ~(mask >> (64 - shift))) | part.limb[i] >> (64 - shift);
  }
}

template <int WIDTH>
inline int64_t popcount(const word_t<WIDTH>& word) {
  int64_t count = 0;
  for (int i = 0; i < word.limbs; ++i) count += __builtin_popcountll(word.limb[i]);
  return count;
}

template <int BITS>
inline int64_t to_signed(const word_t<BITS>& code) {
  return int64_t(code.limb[0] << (64 - BITS)) >> (64 - BITS);
}

template <int BITS>
inline int64_t to_unsigned(const word_t<BITS>& code) {
  return int64_t(code.limb[0]);
}

template <int BITS>
inline word_t<BITS> to_word(int64_t value) {
  return word_t<BITS>(value);
}

template <int BITS, int ROWS, int LIMBS>
inline word_t<BITS> row_of(const uint64_t (&memory)[ROWS][LIMBS], int at) {
  word_t<BITS> word;
  for (int i = 0; i < LIMBS; ++i) word.limb[i] = memory[at][i];
  return word;
}

template <int BITS>
inline void to_limbs(const word_t<BITS>& word, uint64_t* limbs) {
  for (int i = 0; i < word.limbs; ++i) limbs[i] = word.limb[i];
}

}  // namespace hwsv
